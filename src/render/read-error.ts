/** Stops the reading of one document. `position` is an offset into the text that was read. */
export class ReadError extends Error {
  readonly position: number | undefined
  readonly fix: string

  constructor(message: string, fix: string, position?: number) {
    super(message)
    this.name = 'ReadError'
    this.position = position
    this.fix = fix
  }
}
