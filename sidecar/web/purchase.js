// Buying: make the order, open the gateway's window, learn what became of it.

import { ask, config, session } from './client.js'
import { moduleOf } from './gateways/index.js'
import { told } from './gateways/declines.js'
import { load, ScriptFailed } from './gateways/load.js'
import { beginOrder, forget, remember } from './orders.js'
import { leftOpen, redirectUrl, returnUrl, settle, settleUntilKnown, verdict } from './settle.js'
import { callOff } from './stored.js'
import { locale } from './text.js'

const NOT_MADE = new Set(['gone', 'gateway_off', 'too_many', 'signed_out', 'code_refused'])
// Not paid, so that another order may take its place.
const UNPAID = ['open', 'declined', 'expired', 'canceled', 'voided', 'not_found']

/**
 * `wish`: `{productId, name, tokens, amount, currency, gateway, method}` as the person saw it, with the
 * `quantity` of several packs and the `promoCode` that makes them cheaper.
 * `page` is told with `onState` and `onWindow` (true while the gateway has the screen).
 * Answers with an outcome, always; see settle.js.
 */
export async function purchase(wish, page) {
  const who = await session().catch(() => false)
  if (!who) return { ...wish, kind: who === null ? 'signed_out' : 'not_started' }
  const order = beginOrder({ ...wish, userId: who.userId, from: location.pathname + location.search })
  if (order.orderId) {
    const before = await settleUntilKnown(order, { signal: page.signal }) // the button says that it is busy
    if (!UNPAID.includes(before.kind)) return before
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
  const [path, body] = moduleOf(order.gateway).checkout(order)
  const answer = await ask(path, { body, key: order.key, language: locale(), as: order.userId })
  if (answer.status !== 200) {
    const { kind } = verdict(answer)
    if (NOT_MADE.has(kind)) {
      if (kind !== 'signed_out') forget(order)
      return { ...order, kind }
    }
    // The key's order is over, or of another price: this wish needs a new one.
    if (/^(payment_|price_changed|idempotency_key_reused)/.test(answer.code)) {
      const before = order.orderId && (await settle(order))
      if (before && !UNPAID.includes(before.kind)) return before
      forget(order)
      return { again: true }
    }
    return { ...order, kind: 'not_started' }
  }
  remember(order, { orderId: answer.orderId })
  order.checkout = answer // in this page only: it may hold a secret
  if (answer.amount === wish.amount) return null
  forget(order)
  await callOff(order)
  return { ...order, kind: 'price_changed', amount: answer.amount }
}

async function pay(order, page) {
  const options = config.gateways[order.gateway] ?? {}
  const addresses = { redirectUrl: redirectUrl(), returnUrl: returnUrl(order.orderId) }
  let result
  // An earlier window's answer says nothing of this one.
  remember(order, { paymentKey: null, claimed: null, agreed: null, receipt: await page.receipt?.ask(order) })
  page.onWindow(true)
  try {
    const window = windowOf(order, options)
    const sdk = address(window)
    result = await window.pay(order, { ...page, ...addresses, options, sdk, locale: locale() })
  } catch (error) {
    // Only what never opened is sure to have taken nothing.
    if (error instanceof ScriptFailed) return { ...order, kind: 'script_failed' }
    result = {}
  } finally {
    page.onWindow(false)
  }
  const { paymentKey = null, claimed, closed, declined } = result
  remember(order, { paymentKey, claimed: claimed && Date.now() })
  const outcome = await settleUntilKnown(order, page)
  if (outcome.kind !== 'open') return outcome
  return closed || declined ? leftOpen(order, outcome, told(declined, locale())) : outcome
}

const windowOf = ({ gateway, checkout }, options) => moduleOf(gateway).window(options, checkout)

const address = ({ script: [name, official] }) => config.sdk[name] || official

/** Fetches the gateway's script ahead, so that its window opens at once. */
export function prepare(gateway) {
  const window = windowOf({ gateway }, config.gateways[gateway] ?? {})
  load(address(window), window.script[2]).catch(() => {}) // told when it is needed
}
