/** One measured figure. */
export interface Row {
  /** Of the bench that measured it. */
  readonly name: string
  readonly what: string
  readonly value: number
  readonly unit: 'ms' | 'requests' | 'per second' | 'MiB'
  /** Against the raw limit of the same run. */
  readonly ratio?: number
}

export function displayRow({ what, value, unit, ratio }: Row): string {
  const figure = unit === 'requests' ? String(value) : value.toFixed(value < 100 ? 1 : 0)
  return `  ${what.padEnd(64)} ${figure.padStart(9)} ${unit}${ratio === undefined ? '' : `  (${ratio.toFixed(2)} × raw)`}`
}
