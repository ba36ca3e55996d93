export interface LineChart {
  readonly title: string
  readonly x: string
  readonly y: string
  /** At most as many as there are colours. */
  readonly lines: readonly { readonly name: string; readonly points: readonly (readonly [number, number])[] }[]
}

const WIDTH = 720
const HEIGHT = 420
const LEFT = 70
const RIGHT = 120
const TOP = 50
const BOTTOM = 60
/** Told apart by anybody, on white and on black. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73']
const GREY = '#888888'

/** Lines over linear axes from zero, as SVG. */
export function lineChart({ title, x, y, lines }: LineChart): string {
  const all = lines.flatMap(({ points }) => points)
  const right = Math.max(...all.map(([at]) => at))
  const top = roundUp(Math.max(...all.map(([, value]) => value)))
  const acrossOf = (at: number): number => LEFT + (at / right) * (WIDTH - LEFT - RIGHT)
  const upOf = (value: number): number => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM)
  const marks = [...new Set(lines[0]?.points.map(([at]) => at) ?? [])]
  const heights = [0, 0.25, 0.5, 0.75, 1].map((share) => share * top)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">`,
    `<title>${title}</title>`,
    text(WIDTH / 2, 26, 'middle', title, 16),
    ...heights.flatMap((value) => [
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(upOf(value))}" y2="${round(upOf(value))}" stroke="${GREY}" stroke-opacity="0.35"/>`,
      text(LEFT - 8, upOf(value) + 4, 'end', `${round(value)} ${y}`),
    ]),
    ...marks.map((at) => text(acrossOf(at), HEIGHT - BOTTOM + 20, 'middle', at.toLocaleString('en'))),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, 'middle', x),
    ...lines.flatMap(({ name, points }, index) => {
      const colour = COLOURS[index % COLOURS.length] ?? GREY
      const places = points.map(([at, value]) => [round(acrossOf(at)), round(upOf(value))] as const)
      const [endAcross, endUp] = places.at(-1) ?? [0, 0]
      return [
        `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${places.map((place) => place.join(',')).join(' ')}"/>`,
        ...places.map(([across, up]) => `<circle cx="${across}" cy="${up}" r="3.5" fill="${colour}"/>`),
        `<text x="${endAcross + 10}" y="${endUp + 4}" fill="${colour}">${name}</text>`,
      ]
    }),
    '</svg>\n',
  ].join('\n')
}

function text(x: number, y: number, anchor: 'middle' | 'end', content: string, size = 13): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" font-size="${size}" fill="${GREY}">${content}</text>`
}

/** To the next 1, 2, 4, 6 or 8 of its power of ten. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 4, 6, 8, 10].find((step) => step * power >= value) ?? 10) * power
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
