import type { Ended, Offer } from '../../model/login.ts'
import { html, type Html } from '../html.ts'
import { page } from './layout.ts'

/** Where somebody who is not known yet is led. */
export function loginPage(offers: readonly Offer[], returnTo: string): Html {
  const query = new URLSearchParams({ return: returnTo }).toString()
  return page({
    title: 'Log in · gitwake',
    live: false,
    closed: true,
    main: html`<section class="panel plain">
<h1>Log in</h1>
<ul class="offers">
${offers.map(
  ({ name, title }) => html`<li><a class="button main" href="/login/${name}/start?${query}">Log in with ${title}</a></li>
`,
)}</ul>
<p class="muted"><a href="/token?${query}">Use an API token instead</a>: as the password, with any user name.</p>
</section>`,
  })
}

/** The session here is over; the provider's own ends where this page leads. */
export function loggedOutPage({ title, location }: Ended): Html {
  return page({
    title: 'Logged out · gitwake',
    live: false,
    closed: true,
    // Not as the answer to the form: browsers let a form lead nowhere but to us (form-action 'self').
    refresh: location,
    main: html`<section class="panel plain">
<h1>You are logged out of gitwake</h1>
${
  location === undefined
    ? html`<p>${title} may still know you: it offers no way to log out from here.</p>
<p><a href="/login">Log in again</a></p>`
    : html`<p>${title} is asked to end its session, too. <a href="${location}">Go there now</a></p>`
}
</section>`,
  })
}
