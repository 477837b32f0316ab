// A subscription as its owner sees it: its state, what is charged when, and what can be done.

import { html, nothing } from 'lit'
import { money, nameOf, number, t } from '../text.js'
import { icon } from './icons.js'
import { cardName, dayOf, lapse, per, priceOf, priceValues, trialValues } from './plan-words.js'
import { given } from './words.js'

/** The state that a person is told, of all that there is: the name of a text. */
export function stateOf({ status, needs, cancel_at_end: canceling, pause_at_end: pausing }) {
  if (needs === 'authentication') return 'authentication'
  if (status === 'trialing') return canceling ? 'canceling' : 'trialing'
  if (status === 'active') return canceling ? 'canceling' : pausing ? 'pausing' : 'active'
  return status
}

const TONES = { active: 'good', trialing: 'good', past_due: 'bad', incomplete: 'warn', authentication: 'warn', canceling: 'warn', pausing: 'warn' }

export function heading(subscription) {
  const state = stateOf(subscription)
  return html`<div class="head"><h2 part="title" id="plan-${subscription.id}" tabindex="-1">${given(nameOf(subscription))}</h2>
    <span class="chip ${TONES[state] ?? ''}">${t(`plan.status_${state}`, { date: dayOf(subscription.period_end) })}</span></div>`
}

export function facts(subscription) {
  const { tokens: count, every, status, period_end: end, ended_at: over, method } = subscription
  const rows = [
    [every === 'year' ? 'plan.yearly' : 'plan.monthly', number(count)],
    ['plan.next', nextPayment(subscription)],
    (status === 'ended' || /^(cancel|paus)ing$/.test(stateOf(subscription))) && ['plan.until', dayOf(over ?? end)],
    status !== 'ended' && ['plan.card_label', cardName(method)],
  ]
  return html`<dl class="facts">${rows.filter(Boolean).map(([name, value]) => html`<div>
    <dt>${t(name)}</dt><dd class="figure">${given(value)}</dd></div>`)}</dl>
  ${stateOf(subscription) === 'active' ? html`<p class="quiet">${lapse(subscription)}</p>` : nothing}`
}

/** Of the plan that is had then, at the price that was agreed to; null where nothing is charged. */
function nextCharge(subscription) {
  const { status, next_charge_at: at, next, grace_until: grace } = subscription
  if (!at || !/active|trialing|past_due/.test(status) || (grace && at >= grace)) return null
  const agreed = subscription.price?.answer === 'agreed' ? { amount: subscription.price.amount } : {}
  const { amount, currency } = { ...subscription, ...agreed, ...next }
  return { date: dayOf(at), amount: money(amount, currency) }
}

function nextPayment(subscription) {
  const charge = nextCharge(subscription)
  return charge ? t('plan.next_value', charge) : t('plan.no_next')
}

/** A renewal is told for as long before as the shop's mails tell it. */
function renewal(subscription) {
  const { renewal_told_at: from, method } = subscription
  const charge = stateOf(subscription) === 'active' && from && Date.parse(from) <= Date.now() && nextCharge(subscription)
  return charge ? [line('', t('plan.ahead', { ...charge, card: cardName(method) }))] : []
}

const line = (tone, text) => html`<p class="banner ${tone}">${icon(tone === 'bad' ? 'cross' : 'clock')}<span>${text.replace(/ {2,}/g, ' ')}</span></p>`

/** What its owner has to know, or to do. `trouble` is why the last charge was declined. */
export function banners(subscription, trouble) {
  const { status, period_end: end, next } = subscription
  const date = dayOf(end)
  const state = stateOf(subscription)
  const parts = []
  if (/past_due|incomplete/.test(status)) parts.push(unpaid(subscription, trouble))
  if (state === 'canceling') parts.push(line('', t(status === 'trialing' ? 'plan.trial_canceling' : 'plan.canceling', { date })))
  if (state === 'trialing') parts.push(trial(subscription))
  if (state === 'pausing') parts.push(line('', t('plan.pausing', { date })))
  if (status === 'paused') parts.push(line('', t('plan.paused')))
  if (next) parts.push(line('', t(/^paus/.test(state) ? 'plan.changing_paused' : 'plan.changing', { date, name: nameOf(next), amount: priceOf(next) })))
  if (subscription.price) parts.push(proposal(subscription))
  parts.push(...renewal(subscription))
  if (trouble?.disputed) parts.push(line('warn', t('plan.disputed')))
  return parts
}

/** The price before and after, and what comes of each answer, of none as well. */
function proposal(subscription) {
  const { answer, ends } = subscription.price
  const asked = ends ? 'price_asked' : 'price_asked_kept'
  const name = answer === 'agreed' ? 'price_yes' : !answer ? asked : ends ? 'price_no' : 'price_no_kept'
  return line(answer ? '' : 'warn', per(`plan.${name}`, subscription, priceValues(subscription)))
}

const trial = (subscription) => subscription.trial === 'asked'
  ? line('warn', per('plan.trial_asking', subscription, trialValues(subscription)))
  : line('', per('plan.trial_agreed', subscription, trialValues(subscription)))

function unpaid({ status, needs, next_charge_at: at, grace_until: grace }, trouble) {
  const reason = trouble?.reason ?? ''
  const until = grace ? dayOf(grace) : ''
  if (needs === 'authentication') return line('warn', t('plan.need_authentication', { date: until }))
  if (status === 'incomplete') return line(trouble ? 'bad' : 'warn', t(trouble ? 'plan.incomplete' : 'plan.waiting', { reason }))
  if (trouble?.what === 'unanswered') return line('warn', t('plan.waiting'))
  if (needs === 'method' || !at || at >= grace) return line('bad', t('plan.need_method', { reason, date: until }))
  return line('bad', t('plan.retry', { reason, date: dayOf(at) }))
}

const answersTo = (price) => (!price ? [] : price.answer === 'agreed' ? ['price_decline']
  : price.answer === 'declined' ? ['price_agree'] : ['price_agree', 'price_decline'])

/** What can be done, in this order; each as large as the others. */
export function actionsOf(subscription, trouble) {
  const { status, needs, next_plan_id: changing } = subscription
  const state = stateOf(subscription)
  if (status === 'ended') return []
  if (state === 'trialing') return [...(subscription.trial === 'asked' ? ['agree'] : []), 'change_method', 'cancel']
  if (status === 'paused') return ['resume', ...(changing ? ['undo_change'] : []), 'change_method', 'cancel']
  if (state === 'canceling') return trouble?.disputed ? [] : ['keep']
  if (status === 'active') {
    if (state === 'pausing') return ['undo_pause', 'change_method', 'cancel']
    return [...answersTo(subscription.price), changing ? 'undo_change' : 'change', 'change_method', 'pause', 'cancel']
  }
  const pay = needs === 'authentication' ? ['confirm'] : needs === 'method' || (status === 'incomplete' && !trouble) || trouble?.what === 'unanswered' ? [] : ['pay_now']
  return [...pay, 'change_method', 'cancel']
}

export function buttons(subscription, actions, { busy, onAction }) {
  const { amount, currency } = subscription
  const values = { amount: money(amount, currency), name: nameOf(subscription), next: subscription.price && money(subscription.price.amount, currency) }
  return actions.length
    ? html`<div class="actions" ?inert=${busy}>${actions.map((name) => html`<button type="button" name=${name} id="${name}-${subscription.id}"
        class=${/^(pay_now|confirm|keep)$/.test(name) ? '' : 'plain'} @click=${() => onAction(name)}>${t(`plan.${name}`, values)}</button>`)}</div>`
    : nothing
}
