/** What a token of an issuer must say: for each claim patterns, of which one must match. All claims must match. */
export type ClaimRules = Readonly<Record<string, readonly string[]>>

/** What a token says, once its signature was verified. */
export type Claims = Readonly<Record<string, unknown>>

/**
 * Does a token say all of this? Of a claim that is a list, one item must match. A claim that is missing, or neither text nor number nor true or false,
 * matches nothing.
 */
export function claimsMatch(rules: ClaimRules, claims: Claims): boolean {
  return Object.entries(rules).every(([name, patterns]) => {
    const values = valuesOf(Object.hasOwn(claims, name) ? claims[name] : undefined)
    return patterns.some((pattern) => values.some((value) => claimMatches(pattern, value)))
  })
}

/**
 * `*` stands for any characters but `/` and `:`, so that it never reaches beyond its part of a subject or a branch; `**` for any at all. Everything else
 * stands for itself. Costs at most (length of pattern) × (length of value).
 */
export function claimMatches(pattern: string, value: string): boolean {
  // reachable[j]: the pattern so far matches the first j characters.
  let reachable = Array.from({ length: value.length + 1 }, (_, at) => at === 0)
  for (const [token] of pattern.matchAll(/\*\*|\*|[^*]/gsu)) {
    const next: boolean[] = []
    for (let at = 0; at <= value.length; at++) {
      if (token === '**') next.push(reachable[at] === true || next[at - 1] === true)
      else if (token === '*') next.push(reachable[at] === true || (next[at - 1] === true && !/[/:]/u.test(value.charAt(at - 1))))
      else next.push(at >= token.length && reachable[at - token.length] === true && value.startsWith(token, at - token.length))
    }
    reachable = next
  }
  return reachable[value.length] === true
}

function valuesOf(claim: unknown): readonly string[] {
  if (Array.isArray(claim)) return claim.flatMap((item: unknown) => (Array.isArray(item) ? [] : valuesOf(item)))
  if (typeof claim === 'string') return [claim]
  return typeof claim === 'number' || typeof claim === 'boolean' ? [String(claim)] : []
}
