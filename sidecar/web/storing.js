// Storing a method: begun at the sidecar, typed in the gateway's window, asked about by the sidecar.
// A window that leaves the page comes back to an address that has the method's id, where this browser
// knows what it was for.

import { ask, config, session } from './client.js'
import { told } from './gateways/declines.js'
import { gatewayNames, moduleOf } from './gateways/index.js'
import { load, ScriptFailed } from './gateways/load.js'
import { storingAt } from './gateways/storing.js'
import { keep, kept } from './orders.js'
import { locale } from './text.js'
import { refusal } from './subscriptions.js'

const WISH = 'coinslot:storing' // what a method that is being stored is for
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * `{methodId}` of a method that was stored, or `{what}`: why not. `wish` is kept for the way back,
 * with what it `does`. `page` has the element, and is told with `onWindow` while a window has the screen.
 */
export async function storeMethod(gateway, wish, page) {
  const begun = await ask('/billing/methods', { body: { gateway }, language: locale() })
  if (begun.status !== 200) {
    const why = refusal(begun)
    return why.what === 'unknown' ? { what: 'not_started' } : why
  }
  const { method_id: methodId, browser } = begun
  const { userId } = (await session()) ?? {}
  keep('sessionStorage', WISH, { ...wish, methodId, userId })
  const end = await inWindow(gateway, browser, { ...page, returnUrl: returnUrl(methodId) })
  keep('sessionStorage', WISH, null)
  return end.carried ? finish(methodId, end.carried) : end
}

async function inWindow(gateway, browser, page) {
  const way = storingAt(gateway)
  page.onWindow(true)
  try {
    const end = await way.store(browser, { ...page, ...scriptOf(gateway, browser), locale: locale() })
    if (end.carried) return end
    return { what: end.declined ? 'not_stored' : 'closed', reason: told(end.declined, locale()) }
  } catch (error) {
    return { what: error instanceof ScriptFailed ? 'script_failed' : 'closed' }
  } finally {
    page.onWindow(false)
  }
}

function scriptOf(gateway, browser) {
  const [name, official] = storingAt(gateway).script(browser)
  return { sdk: config.sdk[name] || official, options: config.gateways[gateway] ?? {} }
}

/** Fetches the gateway's script ahead. */
export function prepareToStore(gateway) {
  const [name, official, defines] = moduleOf(gateway).window(config.gateways[gateway] ?? {}).script
  load(config.sdk[name] || official, defines).catch(() => {})
}

function returnUrl(methodId) {
  const url = new URL(config.storedAt ?? '/billing/success', location.href)
  url.searchParams.set('method', methodId)
  return url.href
}

/** Has the sidecar keep it. Asked again it is the same one. */
async function finish(methodId, carried) {
  const answer = await ask(`/billing/methods/${methodId}/stored`, { body: { carried }, language: locale() })
  if (answer.status === 200) return { methodId }
  const why = refusal(answer)
  return why.what === 'unknown' ? { what: 'not_stored' } : why
}

/**
 * Of an address that a gateway's window came back to: the wish that it was for, with what became of
 * it; null of any other. It is asked about once, and what it carries leaves the address.
 */
export async function returnedWish(does) {
  const query = new URLSearchParams(location.search)
  const methodId = query.get('method')
  if (!UUID.test(methodId ?? '')) return null
  const wish = kept('sessionStorage', WISH)
  const known = wish?.methodId === methodId
  if ((known ? wish.does : 'subscribe') !== does) return null
  keep('sessionStorage', WISH, null)
  history.replaceState(history.state, '', location.pathname)
  const who = await session().catch(() => null)
  if (!who) return { ...wish, what: 'signed_out' }
  if (known && who.userId !== wish.userId) return { what: 'closed' }
  const carried = carriedIn(query, known ? [wish.gateway] : gatewayNames)
  return { ...(known && wish), ...(carried ? await finish(methodId, carried) : { what: 'closed' }) }
}

function carriedIn(query, names) {
  const get = (...all) => all.map((name) => query.get(name)).find(Boolean)
  return names.map((name) => storingAt(name)?.carried(get)).find(Boolean)
}

/** Has the bank ask its customer about a charge: `{}`, or `{what}` where it could not. */
export async function authenticateAt(gateway, browser, page) {
  const way = storingAt(gateway)
  if (!way?.authenticate) return { what: 'cannot_authenticate' }
  page.onWindow(true)
  try {
    const { declined } = await way.authenticate(browser, { ...page, ...scriptOf(gateway, browser), locale: locale() })
    return declined ? { what: 'declined', reason: told(declined, locale()) } : {}
  } catch (error) {
    return { what: error instanceof ScriptFailed ? 'script_failed' : 'unknown' }
  } finally {
    page.onWindow(false)
  }
}
