import type { Principal } from '../../model/access.ts'
import { html, type Html } from '../html.ts'
import { page } from './layout.ts'

/** A refusal for people. */
export function errorPage(status: number, refusal: { readonly message: string; readonly fix: string }, who: Principal | undefined): Html {
  return page({
    who,
    title: `${status} · gitwake`,
    // Redis comes back: a page that says so should notice it too.
    live: status === 503,
    main: html`<section class="panel plain">
<p class="kicker">${status}</p>
<h1>${refusal.message}</h1>
<p>${refusal.fix}</p>
</section>`,
  })
}
