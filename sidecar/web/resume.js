// The way back from a gateway that has left the page.

import { session } from './client.js'
import { notice } from './elements/notice.js'
import { findOrder, remember } from './orders.js'
import { awaitDeposit, leftOpen, settleUntilKnown } from './settle.js'

/** Has the element ask and tell what became of the payment. Answers what tells it once more. */
export function follow(element) {
  const { signal } = element
  let outcome = { kind: 'checking' }

  function render() {
    const { kind, from } = outcome
    const back = /^\/(?!\/)/.test(from ?? '') ? from : element.getAttribute('back') || '/'
    const actions = {}
    if (kind === 'unknown' || kind === 'signed_out') actions.check = ask
    if (kind !== 'checking') actions.back = () => location.assign(back)
    element.show(notice(outcome, actions))
  }

  function onState(told) {
    outcome = told
    render()
    if (outcome.kind === 'purchased') element.tell('coinslot-purchased', outcome)
    else if (outcome.kind !== 'checking') element.tell('coinslot-error', outcome)
  }

  async function ask() {
    onState(await resumePayment(location, { onState, signal }))
    if (outcome.kind === 'waiting') awaitDeposit(outcome, { onState, signal })
  }

  render()
  ask()
  return render
}

/** Asks about the order that the address names, and takes its parameters out of the address. */
export async function resumePayment(location = globalThis.location, page = {}) {
  const found = returned(location)
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
  const declined = /REJECT|ABORTED|failed/.test(found.failed)
  return { ...leftOpen(known, outcome), ...(declined && { kind: 'declined' }) }
}

/** Where a redirect brings the person back to. Its parameters only say which order to ask about. */
function returned(location) {
  const query = new URLSearchParams(location.search)
  const get = (...names) => names.map((name) => query.get(name)).find(Boolean)
  const orderId = get('orderId', 'paymentId', 'payment_id', 'merchant_uid')
  const known = /^ord_[A-Za-z0-9_-]{12,36}$/.test(orderId ?? '') ? orderId : null
  if (get('paymentKey')) {
    const paymentKey = get('paymentKey')
    return { orderId: known, gateway: 'toss', paymentKey, claimed: get('amount') ?? '' }
  }
  if (get('payment_intent')) {
    const claimed = /^(succeeded|processing)$/.test(get('redirect_status'))
    return { orderId: known, gateway: 'stripe', claimed: claimed && Date.now() }
  }
  const gateway = get('paymentId', 'payment_id', 'imp_uid', 'claimed') ? 'portone' : undefined
  const claimed = get('claimed') && Date.now() // said the gateway, and the sidecar passes it on
  return { orderId: known, gateway, paymentKey: get('imp_uid'), claimed, failed: get('code', 'error_code') }
}

function rememberReturn(order, found) {
  const gateway = order?.gateway ?? found.gateway
  const { orderId, paymentKey, claimed } = found.gateway === gateway ? found : { orderId: found.orderId }
  const told = Object.entries({ gateway, orderId, paymentKey, claimed })
  const changes = Object.fromEntries(told.filter(([, value]) => value !== undefined))
  return remember(order ?? { key: `return:${orderId}`, at: Date.now() }, changes)
}
