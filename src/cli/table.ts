import { stripVTControlCharacters } from 'node:util'

/** Rows under headings, each column as wide as its widest cell. Control characters never reach the terminal. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, ...rows].map((row) => row.map((cell) => cell.replace(/[\r\n\t]+/g, ' ')))
  const widths = headings.map((_, column) => Math.max(...lines.map((row) => widthOf(row[column] ?? ''))))
  return lines
    .map(
      (row) =>
        `${row
          .map((cell, column) => pad(cell, widths[column] ?? 0))
          .join('   ')
          .trimEnd()}\n`,
    )
    .join('')
}

function pad(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - widthOf(cell)))
}

function widthOf(cell: string): number {
  return [...stripVTControlCharacters(cell)].length
}

/** Text from elsewhere (a commit, a cluster) without what could steer a terminal. */
export function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- removing them is the point
  return stripVTControlCharacters(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
}

/** `5s`, `3m`, `2h`, `4d`: how long ago, for people. */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)}h`
  return `${Math.round(seconds / 86_400)}d`
}

export function short(revision: string | undefined): string {
  return revision === undefined ? '–' : plain(revision).slice(0, 8)
}
