// Buying: make the order, open the gateway's window, find out what became of it.

import { ask, config, session } from './client.js'
import { GATEWAYS } from './gateways/index.js'
import { load, ScriptFailed } from './gateways/load.js'
import { beginOrder, findOrder, forget, openOrders, remember } from './orders.js'
import { redirectUrl, rememberReturn, returned, returnUrl, settle } from './settle.js'
import { settleUntilKnown, verdict } from './settle.js'
import { locale } from './text.js'

const NOT_MADE = new Set(['gone', 'gateway_off', 'too_many', 'signed_out'])

/**
 * `wish` is `{productId, name, tokens, amount, currency, gateway, method}` as the person saw it.
 * Answers with an outcome, always; see settle.js. `page` is how the element takes part: `form`,
 * `onState`, `onWindow` (true while the gateway has the screen), `dark`, `signal`.
 */
export async function purchase(wish, page) {
  const who = await session().catch(() => null)
  if (!who) return { ...wish, kind: 'signed_out' }
  const order = beginOrder({ ...wish, userId: who.userId, from: location.pathname + location.search })
  if (order.orderId) {
    const before = await settleUntilKnown(order, page)
    if (!['open', 'declined', 'expired', 'canceled', 'not_found'].includes(before.kind)) return before
    if (before.kind !== 'open') {
      forget(order)
      return purchase(wish, page)
    }
  }
  const refusal = await checkOut(order, wish)
  if (refusal?.again) return purchase(wish, page)
  return refusal ?? pay(order, { ...page, email: who.email })
}

/** Has the sidecar make the order, or give it again; null if it can be paid now. */
async function checkOut(order, wish) {
  const [path, body] = GATEWAYS[order.gateway].checkout(order)
  const answer = await ask(path, { body, key: order.key })
  if (answer.status !== 200) {
    const { kind } = verdict(answer)
    if (NOT_MADE.has(kind)) {
      if (kind !== 'signed_out') forget(order)
      return { ...order, kind }
    }
    // The key's order is over, or was made at another price: this wish needs a new one.
    if (/^(payment_|price_changed|idempotency_key_reused)/.test(answer.code)) {
      const before = order.orderId ? await settle(order) : order
      forget(order)
      return before.kind === 'purchased' ? before : { again: true }
    }
    return { ...order, kind: 'not_started' }
  }
  remember(order, { orderId: answer.orderId })
  order.checkout = answer // in this page only: it holds what Stripe calls a client secret
  if (answer.amount === wish.amount) return null
  await callOff(order)
  return { ...order, kind: 'price_changed', amount: answer.amount }
}

async function pay(order, page) {
  const gateway = GATEWAYS[order.gateway]
  const options = config.gateways[order.gateway] ?? {}
  const window = gateway.window(options, order.checkout)
  const context = {
    ...page,
    ...{ options, locale: locale(), redirectUrl: redirectUrl(), returnUrl: returnUrl(order.orderId) },
    sdk: address(window),
  }
  let result
  page.onWindow(true)
  try {
    result = await window.pay(order, context)
  } catch (error) {
    // Only what never opened is sure to have taken nothing.
    if (error instanceof ScriptFailed) return { ...order, kind: 'script_failed' }
    result = {}
  } finally {
    page.onWindow(false)
  }
  const { paymentKey = order.paymentKey, claimed, closed } = result
  remember(order, { paymentKey, claimed })
  const outcome = await settleUntilKnown(order, page)
  return closed && outcome.kind === 'open' ? { ...outcome, kind: 'closed' } : outcome
}

const address = ({ script: [name, official] }) => config.sdk[name] || official

/** Fetches the gateway's script ahead, so that its window opens at once. */
export function prepare(gateway) {
  const window = GATEWAYS[gateway].window(config.gateways[gateway] ?? {})
  load(address(window), window.script[2]).catch(() => {}) // told when it is needed
}

/** Calls an unpaid order off. Should it be paid all the same, it is credited. */
export async function callOff(order) {
  forget(order)
  await Promise.resolve(config.supabase.rpc('cancel_order', { order_id: order.orderId })).catch(() => {})
}

/** After a reload or a return: what has become of the orders that were under way. */
export async function resolveOpenOrders(onState, signal) {
  const who = await session().catch(() => null)
  if (!who) return
  for (const order of openOrders(who.userId)) {
    if (!order.orderId) continue
    const quietly = { signal, onState: (state) => order.paymentKey && onState(state) }
    const outcome = await settleUntilKnown(order, quietly)
    if (outcome.kind === 'not_found') forget(order)
    else onState(outcome)
  }
}

/**
 * For the page that gateways send people back to. Asks the sidecar about the order that the address
 * names, takes the address's parameters out of it, and answers with the outcome.
 */
export async function resumePayment(location = globalThis.location, page = {}) {
  const found = returned(location)
  const order = found.orderId
    ? findOrder((each) => each.orderId === found.orderId)
    : found.failed && findOrder((each) => each.orderId)
  // Kept first: reloading in the middle of it asks again.
  const known = found.orderId || order ? rememberReturn(order, { ...found, orderId: found.orderId ?? order.orderId }) : null
  const clean = new URL(location.href)
  clean.search = known ? `?orderId=${known.orderId}` : ''
  history.replaceState(history.state, '', clean)
  if (!known) return { kind: 'nothing' }
  const outcome = await settleUntilKnown(known, page)
  const left = found.failed && outcome.kind === 'open'
  return left ? { ...outcome, kind: /CANCEL/i.test(found.failed) ? 'closed' : 'declined' } : outcome
}
