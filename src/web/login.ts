import { type Request, type Response, Router } from 'express'
import type { Log } from '../model/log.ts'
import type { LoginRefusal, Logins } from '../model/login.ts'
import type { AddressOf } from './failure-limit.ts'
import { clearCookie, readCookie, setCookie } from './cookies.ts'
import { htmlText } from './html.ts'
import { loggedOutPage, loginPage } from './pages/login-page.ts'
import { refuse, refuseUnknown } from './refusal.ts'
import { FOREIGN, isSameOrigin } from './same-origin.ts'
import type { Witness } from './witness.ts'

/**
 * What stands in front of the door: `/login` offers the providers, `/login/NAME/start` sends a browser there, `/login/NAME/callback` takes it back, and
 * `POST /logout` ends a session here and leads to where the provider ends its own.
 */
export function createLoginRoutes(options: {
  readonly logins: Logins
  readonly witness: Witness
  readonly addressOf: AddressOf
  readonly log: Log
}): Router {
  const { logins, witness, addressOf, log } = options
  const router = Router()

  router.get('/login', (request, response) => {
    const offers = logins.offers()
    if (offers.length === 0) return refuseUnknown(request, response)
    response.type('html').send(htmlText(loginPage(offers, returnOf(request))))
  })

  router.get('/login/:name/start', async (request, response) => {
    const { name } = request.params
    const origin = logins.originOf(name)
    if (origin === undefined) return refuseUnknown(request, response)
    // Under another name of this server the cookie would be set where the provider does not lead back to.
    if (request.query['moved'] === undefined && request.headers.host !== new URL(origin).host) {
      const query = new URLSearchParams({ moved: '1', return: returnOf(request) })
      return response.redirect(303, `${origin}/login/${name}/start?${query}`)
    }
    const begun = await logins.begin(name, returnOf(request))
    if (begun === undefined) return refuseUnknown(request, response)
    setCookie(response, 'gitwake-login', begun.attempt)
    response.redirect(303, begun.location)
  })

  router.get('/login/:name/callback', async (request, response) => {
    const { name } = request.params
    const attempt = readCookie(request, 'gitwake-login')
    const finished = await logins.finish(name, attempt, queryOf(request), addressOf(request))
    if (finished === undefined) return refuseUnknown(request, response)
    if (finished.kind === 'refused') {
      const { refusal } = finished
      const said = { login: name, code: refusal.code, actor: refusal.actor, problem: refusal.detail }
      // What a stranger can send without a provider is not worth a line each time.
      log[refusal.detail === undefined ? 'debug' : 'warn'](said, 'somebody was not logged in')
      witness.loginRefused(name, refusal)
      return refuseLogin(request, response, refusal)
    }
    await witness.loggedIn(name, finished)
    clearCookie(response, 'gitwake-login')
    const before = readCookie(request, 'gitwake')
    if (before !== undefined) await logins.end(before.value, before.secure)
    setCookie(response, 'gitwake', finished.session)
    response.redirect(303, finished.returnTo)
  })

  router.post('/logout', async (request, response) => {
    if (!isSameOrigin(request, 'browser')) return refuse(request, response, 403, FOREIGN)
    const session = readCookie(request, 'gitwake')
    const ended = session && (await logins.end(session.value, session.secure))
    clearCookie(response, 'gitwake')
    if (ended !== undefined) witness.loggedOut(ended)
    if (ended === undefined) return response.redirect(303, logins.offers().length > 0 ? '/login' : '/')
    response.type('html').send(htmlText(loggedOutPage(ended)))
  })

  return router
}

function refuseLogin(request: Request, response: Response, { code, message, fix, status }: LoginRefusal): void {
  if (status === 503) response.set('Retry-After', '5')
  refuse(request, response, status, { code, message, fix })
}

function returnOf(request: Request): string {
  const value = request.query['return']
  return typeof value === 'string' ? value : '/'
}

function queryOf({ originalUrl }: Request): string {
  const at = originalUrl.indexOf('?')
  return at < 0 ? '' : originalUrl.slice(at + 1)
}
