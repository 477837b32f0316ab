// What became of the money: asked of the sidecar, never guessed and never read from an address.
//
// An outcome is the order with a `kind`, which is also the name of the text that tells it.

import { ask, config, mine, sleep, tellEverybody } from './client.js'
import { moduleOf } from './gateways/index.js'
import { forget, openOrders, remember } from './orders.js'
import { locale } from './text.js'

const BY_STATUS = {
  pending: 'open',
  awaiting_deposit: 'waiting',
  completed: 'purchased',
  partially_refunded: 'purchased',
  refunded: 'returned',
  disputed: 'disputed',
  charged_back: 'disputed',
  failed: 'declined',
  canceled: 'canceled',
  expired: 'expired',
  review: 'review',
}
const BY_CODE = {
  already_paid: 'purchased',
  payment_unknown_at_gateway: 'open',
  payment_not_verified: 'open',
  invalid_payment_key: 'open',
  order_not_found: 'not_found',
  too_many_orders: 'too_many',
  invalid_package: 'gone',
  gateway_off: 'gateway_off',
  wrong_mode: 'review',
}
// After these nothing more happens that this browser would have to ask about.
const OVER = ['purchased', 'declined', 'returned', 'disputed', 'canceled', 'expired', 'review']
const RETRIES_MS = [1000, 2000, 4000, 8000, 15_000]
const BELIEVED_MS = 15 * 60_000 // by then the sidecar has asked of its own accord, twice
const DEPOSIT_MS = [3000, 5000, 10_000, 30_000]

/** What an answer of the sidecar says; `other` where only the order itself can tell. */
export function verdict({ status, code, state, error }) {
  if (status === 401) return { kind: 'signed_out' }
  if (!status || status === 408 || status >= 500) return { kind: 'unknown' }
  // The sidecar says no with a code. Who stands before it and has none knows nothing of the money.
  if (status >= 400 && !/^[a-z_]+$/i.test(code)) return { kind: 'unknown' }
  if (code === 'too_many_requests') return { kind: 'unknown' }
  if (state in BY_STATUS) return { kind: BY_STATUS[state] }
  const kind = BY_CODE[code] ?? BY_STATUS[code.replace('payment_', '')]
  if (kind) return { kind }
  // The gateway's own no, in its own words.
  return /^[A-Z_]+$/.test(code) ? { kind: 'declined', detail: error } : { kind: 'other' }
}

/** One look. Repeating it takes no money twice. */
export async function settle(order) {
  const gateway = await moduleOf(order.gateway).catch(() => null)
  // What cannot be asked is not known; `unloaded` tells that asking again takes another load.
  const found = gateway === null ? { kind: 'unknown', unloaded: true } : await look(order, gateway)
  const outcome = { ...order, ...found }
  if (order.gateway === outcome.gateway && tooEarly(outcome)) outcome.kind = 'unknown'
  const { kind, orderId, productId, tokens, amount, currency } = outcome
  if (OVER.includes(kind) && forget(order) && kind === 'purchased') {
    const bought = { orderId, productId, tokens, amount, currency, gateway: outcome.gateway }
    tellEverybody('purchased', bought)
  }
  // It goes on by itself; whoever buys the same again now means another order.
  if (kind === 'waiting') remember(order, { waiting: true })
  // What the window said, the sidecar has been told.
  if (kind === 'waiting') outcome.claimed = remember(order, { claimed: null }).claimed
  if (kind === 'open' && gateway?.spent) remember(order, gateway.spent)
  return outcome
}

/** The gateway's own window said just now that it was paid: who says otherwise has yet to hear. */
function tooEarly({ claimed, kind }) {
  return Date.now() - claimed < BELIEVED_MS && /open|expired|canceled/.test(kind)
}

/** `gateway` is undefined where nobody here knows it: then the order itself has to tell. */
async function look(order, gateway) {
  const question = gateway?.settle(order)
  const answer = question && (await put(question, order))
  const found = answer ? verdict(answer) : { kind: 'other' }
  if (found.kind === 'purchased') {
    return { ...found, tokens: answer.tokens ?? answer.payment?.tokens ?? order.tokens }
  }
  if (!['other', 'open', 'waiting'].includes(found.kind)) return found
  const stored = await storedOrder(order, answer)
  // Somebody who is signed out is not shown the order, and yet told what the gateway said of it.
  return stored.kind === 'signed_out' && found.kind !== 'other' ? found : stored
}

/** Completing needs no identity: money is not left hanging because a session cannot be had. */
async function put([path, body], order) {
  const request = { body, key: order.key, language: locale(), as: order.userId }
  const answer = await ask(path, request)
  return [0, 401].includes(answer.status) ? ask(path, { ...request, as: '' }) : answer
}

async function storedOrder(order, answer) {
  const { status, payment, ...rest } = await ask(`/payment/${encodeURIComponent(order.orderId)}`, { as: order.userId })
  if (status !== 200 || !payment) {
    const known = answer?.virtual_account && { kind: 'waiting', account: answer.virtual_account }
    const { kind } = verdict({ code: '', ...rest, status, state: undefined })
    return known || { kind: kind === 'other' ? 'unknown' : kind }
  }
  const { amount, currency, tokens, virtual_account: account, failure_reason: detail } = payment
  const known = { amount, currency, tokens, account, detail, productId: payment.product_id }
  return { ...known, gateway: payment.payment_method, kind: BY_STATUS[payment.status] ?? 'unknown' }
}

/** Looks until there is an answer, through outages, and tells `onState` that it does. */
export async function settleUntilKnown(order, { onState = () => {}, signal } = {}) {
  onState({ ...order, kind: 'checking' })
  for (const delay of [...RETRIES_MS, null]) {
    const outcome = await settle(order)
    if (outcome.kind !== 'unknown' || delay === null || signal?.aborted) return outcome
    await Promise.race([sleep(delay, signal), nextOnline()])
  }
  return null
}

const nextOnline = () =>
  new Promise((resolve) => {
    if (!navigator.onLine) addEventListener('online', resolve, { once: true })
  })

/** After a reload or a return. */
export async function resolveOpenOrders(userId, signal, onState) {
  for (const order of openOrders(userId)) {
    if (!order.orderId) continue
    const quietly = { signal, onState: (state) => order.paymentKey && onState(state) }
    const outcome = await settleUntilKnown(order, quietly)
    if (outcome.kind === 'not_found') forget(order)
    else if (!order.closed || outcome.kind !== 'open') onState(outcome)
  }
}

/** Nobody has to be asked later about a payment that they have just called off themselves. */
export function leftOpen(order, outcome) {
  remember(order, { closed: true })
  return { ...outcome, kind: 'closed' }
}

/** Calls an unpaid order off. Should it be paid all the same, it is credited. */
export const callOff = ({ orderId }) => config.supabase.rpc('cancel_order', { order_id: orderId })

/** While a deposit is awaited: looks now and then, until it came or nobody waits any more. */
export async function awaitDeposit(order, { onState, signal }) {
  for (let turn = 0; !signal.aborted; turn += 1) {
    await sleep(DEPOSIT_MS[Math.min(turn, DEPOSIT_MS.length - 1)], signal)
    if (signal.aborted || document.hidden || !mine(order)) continue
    const stored = { ...order, ...(await storedOrder(order)) }
    if (/waiting|unknown|signed_out/.test(stored.kind) || tooEarly(stored)) continue
    onState(await settle(order))
    return
  }
}

export const redirectUrl = () => `${config.sidecarUrl || location.origin}/payments/complete`
export const returnUrl = (orderId) => {
  const url = new URL(config.returnTo, location.href)
  url.searchParams.set('orderId', orderId)
  return url.href
}
