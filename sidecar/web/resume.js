// The way back from a gateway that has left the page.

import { session } from './client.js'
import { told } from './gateways/declines.js'
import { gatewayNames, moduleOf } from './gateways/index.js'
import { findOrder, remember } from './orders.js'
import { leftOpen, settleUntilKnown } from './settle.js'
import { locale } from './text.js'

/** Asks about the order that the address names, and takes its parameters out of the address. */
export async function resumePayment(location = globalThis.location, page = {}) {
  const found = returned(new URLSearchParams(location.search))
  const order = found.orderId
    ? findOrder((each) => each.orderId === found.orderId)
    : found.failed && findOrder((each) => each.orderId)
  // Kept first: reloading in the middle of it asks again.
  const orderId = found.orderId ?? order?.orderId
  const known = orderId ? rememberReturn(order, { ...found, orderId }) : null
  const clean = new URL(location.href)
  clean.search = known ? `?orderId=${known.orderId}` : ''
  history.replaceState(history.state, '', clean)
  if (!known) return { kind: 'nothing' }
  const outcome = await settleUntilKnown(known, page)
  const who = await session().catch(() => null)
  if (who && who.userId !== (known.userId ?? who.userId)) return { orderId, kind: 'not_found' }
  if (!found.failed || outcome.kind !== 'open') return outcome
  return leftOpen(known, outcome, told(found.declined, locale()))
}

/**
 * What a redirect brought: `{orderId, gateway, paymentKey, claimed, agreed, failed, declined}`. It only
 * says which order to ask about. Where this browser knows the order, only its gateway is asked for its parameters.
 */
function returned(query) {
  const get = (...names) => names.map((name) => query.get(name)).find(Boolean)
  const begun = findOrder((each) => each.orderId && each.orderId === get('orderId'))
  const names = begun ? [begun.gateway] : gatewayNames
  const read = (gateway) => {
    const brought = moduleOf(gateway)?.returned(get)
    return brought && { gateway, ...brought }
  }
  const brought = names.map(read).find(Boolean)
  const orderId = get('orderId') ?? brought?.orderId
  const known = /^ord(_[A-Za-z0-9_-]{12,36}|[0-9a-f]{32})$/.test(orderId ?? '') ? orderId : null
  return { ...(brought ?? { failed: get('code') }), orderId: known }
}

function rememberReturn(order, found) {
  const gateway = order?.gateway ?? found.gateway
  const { paymentKey, claimed, agreed } = found.gateway === gateway ? found : {}
  const told = Object.entries({ gateway, orderId: found.orderId, paymentKey, claimed, agreed })
  const changes = Object.fromEntries(told.filter(([, value]) => value !== undefined))
  return remember(order ?? { key: `return:${found.orderId}`, at: Date.now() }, changes)
}
