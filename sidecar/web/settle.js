// The end of an order: asked of the sidecar, never guessed and never read from an address. An outcome
// is the order with a `kind`, the name of the text that tells it.

import { ask, config, mine, sleep, tellEverybody } from './client.js'
import { moduleOf } from './gateways/index.js'
import { forget, openOrders, remember } from './orders.js'
import { found } from './stored.js'
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
  voided: 'voided',
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
  code_not_found: 'code_refused',
  code_not_usable: 'code_refused',
  identity_required: 'code_refused',
  gateway_off: 'gateway_off',
  amount_not_chargeable: 'gateway_off',
  currency_not_taken: 'gateway_off',
  wrong_mode: 'review',
  account_required: 'signed_out',
  wallet_merged: 'signed_out',
}
// Nothing more happens after these.
const OVER = ['purchased', 'declined', 'returned', 'disputed', 'canceled', 'expired', 'voided', 'review']
const RETRIES_MS = [1000, 2000, 4000, 8000, 15_000]
const BELIEVED_MS = 15 * 60_000 // by then the sidecar has asked of its own accord, twice
const DEPOSIT_MS = [3000, 5000, 10_000, 30_000]

/** An answer's meaning; `other` where only the order itself can tell. */
export function verdict({ status, code, state, error }) {
  if (status === 401) return { kind: 'signed_out' }
  if (!status || status === 408 || status >= 500) return { kind: 'unknown' }
  // The sidecar says no with a code; without one it was a proxy.
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
  const gateway = moduleOf(order.gateway)
  const outcome = { ...order, ...(await look(order, gateway)) }
  if (order.gateway === outcome.gateway && tooEarly(outcome)) outcome.kind = 'unknown'
  const { kind, orderId, productId, tokens, amount, currency, gateway: name } = outcome
  if (OVER.includes(kind) && forget(order) && kind === 'purchased') {
    tellEverybody('purchased', { orderId, productId, tokens, amount, currency, gateway: name })
  }
  // It goes on by itself: buying the same again means another order.
  if (kind === 'waiting') outcome.claimed = remember(order, { waiting: true, claimed: null }).claimed
  if (kind === 'open' && gateway?.spent) remember(order, gateway.spent)
  return outcome
}

/** The gateway's window said just now that it was paid: anything else is out of date. */
function tooEarly({ claimed, kind }) {
  return Date.now() - claimed < BELIEVED_MS && /open|expired|canceled|voided/.test(kind)
}

async function look(order, gateway) {
  const question = gateway?.settle(order)
  const answer = question && (await put(question, order))
  const said = answer ? verdict(answer) : { kind: 'other' }
  if (said.kind === 'purchased') {
    return { ...said, tokens: answer.tokens ?? answer.payment?.tokens ?? order.tokens }
  }
  if (!['other', 'open', 'waiting'].includes(said.kind)) return said
  const stored = await storedOrder(order, answer)
  // Without a session the order is not shown, but what the gateway said of it is.
  return stored.kind === 'signed_out' && said.kind !== 'other' ? said : stored
}

/** Completing needs no identity: a lost session leaves no money hanging. */
async function put([path, body], order) {
  const request = { body, key: order.key, language: locale(), as: order.userId }
  const answer = await ask(path, request)
  return [0, 401].includes(answer.status) ? ask(path, { ...request, as: '' }) : answer
}

async function storedOrder(order, answer) {
  const asking = { as: order.userId, language: locale() }
  const { status, payment, ...rest } = await ask(`/payment/${encodeURIComponent(order.orderId)}`, asking)
  if (status !== 200 || !payment) {
    const known = answer?.virtual_account && { kind: 'waiting', account: answer.virtual_account }
    const { kind } = verdict({ code: '', ...rest, status, state: undefined })
    return known || { kind: kind === 'other' ? 'unknown' : kind }
  }
  return { ...found(payment), gateway: payment.payment_method, kind: BY_STATUS[payment.status] ?? 'unknown' }
}

/** Looks until there is an answer, through outages. */
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

/** The person has left it unpaid, or was declined for that `reason`: nobody tells them of it later. */
export function leftOpen(order, outcome, reason) {
  remember(order, { closed: true })
  return reason ? { ...outcome, kind: 'declined', detail: reason } : { ...outcome, kind: 'closed' }
}

/** Looks now and then, until the deposit came. */
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
