import { inspect, styleText } from 'node:util'

/** Where a command writes: data on `out`, everything said to people about it on `err`. */
export interface Terminal {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Whether colours help: a terminal, and NO_COLOR is unset. */
  readonly colour: boolean
}

export type Paint = 'green' | 'yellow' | 'red' | 'blue' | 'dim' | 'bold'

/** Text in a colour where the terminal has colours; colour is never the only sign. */
export function paint(terminal: Terminal, colour: Paint, text: string): string {
  return terminal.colour ? styleText(colour, text, { validateStream: false }) : text
}

/** The terminal of this process. A reader that goes away (`| head`) ends it quietly. */
export function processTerminal(): Terminal {
  const quietly = (error: Error): void => {
    if ('code' in error && error.code === 'EPIPE') process.exit(0)
    process.stderr.write(`${inspect(error)}\n`)
    process.exit(1)
  }
  process.stdout.on('error', quietly)
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    colour: process.stdout.isTTY === true && process.stdout.hasColors(),
  }
}
