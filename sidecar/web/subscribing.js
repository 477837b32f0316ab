// Charges that somebody waits for: the first of a subscription, another of one that is unpaid, an
// upgrade. What became of it, the subscription says, and never an answer to a request.

import { ask, session, sleep } from './client.js'
import { DECLINES } from './gateways/declines.js'
import { authenticateAt, storeMethod } from './storing.js'
import { call, isOpen, latest, readOwn, refusal, tellChange } from './subscriptions.js'
import { locale } from './text.js'

const LOOKS_MS = [0, 1000, 2000, 4000, 8000, 15_000]
const PAID = ['started', 'renewed', 'recovered', 'resumed']
const ENDS = [...PAID, 'trial_started', 'declined', 'upgraded', 'upgrade_declined', 'ended']

/**
 * `wish`: `{planId, family, gateway, currency, methodId, consent, trial}`, without a method for a new one.
 * Answers `{what}`, always: `subscribed` with the `subscription`, or why not.
 */
export async function subscribe(wish, page) {
  const who = await session().catch(() => false)
  if (!who) return { what: who === null ? 'signed_out' : 'not_started' }
  if (wish.methodId) return begin(wish, page)
  const stored = await storeMethod(wish.gateway, { ...wish, does: 'subscribe' }, page)
  return stored.methodId ? begin({ ...wish, ...stored }, page) : stored
}

/** With a method that is stored. One that was begun and never paid is gone on with. */
export async function begin(wish, page) {
  const own = await readOwn().catch(() => null)
  if (!own) return { what: 'not_started' }
  const before = own.subscriptions.find((each) => isOpen(each) && each.family === wish.family)
  if (!before) return make(wish, page)
  if (before.status !== 'incomplete') return { what: 'have' }
  if (wish.trial) return tryInstead(before, wish, page)
  const [last] = await latest(before.id, 1)
  if (last?.event === 'subscribed') return charge(before, page, 0) // nobody knows yet if it was paid
  const { amount = before.amount } = wish.consent ?? {} // as it was shown
  const same = before.plan_id === wish.planId && before.gateway === wish.gateway && before.currency === wish.currency && before.amount === amount
  if (same) return payAgain(before, wish.methodId, page)
  const canceled = await call('cancel_token_subscription', { subscription_id: before.id })
  return canceled.what ? canceled : make(wish, page)
}

/** Who agreed to a trial is not charged for what they began before. */
async function tryInstead(before, wish, page) {
  const [last] = await latest(before.id, 1)
  if (last?.event === 'subscribed') return { what: 'unknown', subscription: before }
  const canceled = await call('cancel_token_subscription', { subscription_id: before.id })
  return canceled.what ? canceled : make(wish, page)
}

async function make({ planId, family, gateway, currency, methodId, consent, trial }, page) {
  const body = { planId, gateway, currency, methodId, consent, trial }
  const answer = await ask('/billing/subscriptions', { body, language: locale() })
  if (answer.status === 200) return follow(answer.subscription, 0, page)
  const why = refusal(answer)
  if (why.what !== 'unknown') return why
  // It may have been made all the same.
  const { subscriptions = [] } = (await readOwn().catch(() => null)) ?? {}
  const made = subscriptions.find((each) => isOpen(each) && each.family === family)
  return made ? follow(made, 0, page) : why
}

/** Has what is unpaid charged, by that method where it is another one. */
export async function payAgain(subscription, methodId, page) {
  const other = methodId && methodId !== subscription.method?.id
  const since = await lastOf(subscription)
  const asked = other
    ? await call('set_token_subscription_method', { subscription_id: subscription.id, method_id: methodId })
    : await call('pay_token_subscription', { subscription_id: subscription.id })
  return asked.what ? asked : charge(subscription, page, since)
}

/** Charges what is due, and says what became of that. `since` is the number of the last event before. */
export async function charge(subscription, page, since) {
  const after = since ?? (await lastOf(subscription))
  const { status, code } = await ask(`/billing/subscriptions/${subscription.id}/charge`, { body: {}, language: locale() })
  if (status === 401) return refusal({ status, code })
  return follow(subscription, after, page)
}

export const lastOf = async ({ id }) => (await latest(id, 1).catch(() => []))[0]?.id ?? 0

async function follow(subscription, since, page) {
  const end = await ended(subscription, since, page.signal)
  tellChange()
  return end.what === 'authentication' ? authenticate(end.subscription, page) : end
}

/** Looks until there is an end to tell. */
async function ended({ id }, since, signal) {
  let seen = null
  for (const delay of LOOKS_MS) {
    if (delay) await sleep(delay, signal)
    if (signal?.aborted) break
    seen = (await look(id, since).catch(() => null)) ?? seen
    if (seen?.what) return seen
  }
  return { ...seen, what: 'unknown' }
}

async function look(id, since) {
  const [{ subscriptions }, events] = await Promise.all([readOwn(), latest(id)])
  const subscription = subscriptions.find((each) => each.id === id)
  const event = events.find((each) => each.id > since && ENDS.includes(each.event))
  return subscription && { subscription, ...meaning(subscription, event) }
}

function meaning({ needs }, { event, detail } = {}) {
  if (event === 'upgraded') return { what: 'upgraded' }
  if (PAID.includes(event) || event === 'trial_started') return { what: 'subscribed' }
  if (event === 'ended') return { what: 'changed' }
  if (needs === 'authentication') return { what: 'authentication' }
  return event ? whyDeclined(detail) : {}
}

/** Of an event that tells of a decline: its class, or its reason in our words. */
export function whyDeclined({ class: kind, reason }) {
  if (kind === 'ours') return { what: 'ours' }
  if (kind === 'review') return { what: 'review' }
  return { what: 'declined', reason: DECLINES[reason]?.[locale()] }
}

/** The bank wants its customer: a window of its own, after which the sidecar reads the payment. */
export async function authenticate(subscription, page) {
  const path = `/billing/subscriptions/${subscription.id}/authenticate`
  const since = await lastOf(subscription)
  const asked = await ask(path, { body: {}, language: locale() })
  if (asked.status !== 200) return { what: 'cannot_authenticate', subscription }
  const end = await authenticateAt(asked.gateway, asked.browser, page)
  if (end.what) return { subscription, ...end }
  await ask(path, { body: {}, language: locale() }) // reads what was paid; its webhook may be first
  const paid = await ended(subscription, since, page.signal)
  tellChange()
  return paid.what === 'authentication' ? { ...paid, what: 'unknown' } : paid
}
