// Control characters and line ends, and what turns the direction of a text: with those, a name reads as another one (https://trojansource.codes).
// Joiners stay: names of several languages are written with them.
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

/** Whether a text of somebody else is one line, which steers neither terminal nor page nor log. */
export function isLine(text: string): boolean {
  return text.search(STEERING) < 0
}

/** The text with a space for each character that would steer. */
export function asLine(text: string): string {
  return text.replace(STEERING, ' ')
}
