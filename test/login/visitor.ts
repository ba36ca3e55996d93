import assert from 'node:assert/strict'

/** What a browser is for a login: it keeps cookies per host and port, and follows where it is led. */
export interface Visitor {
  /** One request, not followed. */
  visit(url: string, init?: RequestInit): Promise<Visited>
  /** The same, followed until a page comes; at the provider, as this person. */
  follow(url: string, as?: string): Promise<Visited>
  cookies(url: string): Map<string, string>
}

export interface Visited {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export function createVisitor(): Visitor {
  const jars = new Map<string, Map<string, string>>()
  const jarOf = (url: string): Map<string, string> => {
    const { origin } = new URL(url)
    const jar = jars.get(origin) ?? new Map<string, string>()
    jars.set(origin, jar)
    return jar
  }
  const visit = async (url: string, init: RequestInit = {}): Promise<Visited> => {
    const jar = jarOf(url)
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = {
      Accept: 'text/html',
      ...(cookie !== '' && { Cookie: cookie }),
      ...(init.headers as Record<string, string> | undefined),
    }
    const answer = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line) || /max-age=0/i.test(line)) jar.delete(name)
      else jar.set(name, value)
    }
    return { url, status: answer.status, headers: answer.headers, text: await answer.text() }
  }
  return {
    visit,
    cookies: jarOf,
    async follow(url, as) {
      let answer = await visit(url)
      for (let step = 0; step < 15; step += 1) {
        const location = answer.headers.get('location')
        const isChoice = new URL(answer.url).pathname.startsWith('/interaction/') && answer.status === 200 && as !== undefined
        if (location === null && !isChoice) return answer
        answer = await visit(isChoice ? `${answer.url}?as=${as}` : new URL(location ?? '', answer.url).href)
      }
      return assert.fail(`led in circles: ${answer.url}`)
    },
  }
}
