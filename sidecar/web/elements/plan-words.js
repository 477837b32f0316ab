// What plans and subscriptions have to say, of either length.

import { html } from 'lit'
import rowsEn from '../i18n/later/en.json'
import rowsKo from '../i18n/later/ko.json'
import en from '../i18n/plans/en.json'
import ko from '../i18n/plans/ko.json'
import { addTexts, lastDay, money, nameOf, number, t, tokens } from '../text.js'

/** Theirs, and those of payments in a history. */
export const addPlanTexts = () => addTexts({ en: { ...rowsEn, ...en }, ko: { ...rowsKo, ...ko } })

/** The text for months, or that for years. */
export const per = (name, { every }, values) => t(every === 'year' ? `${name}_year` : name, values)

export const priceOf = (plan) => per('plan.price', plan, { amount: money(plan.amount, plan.currency) })

export const cardName = (method) => {
  if (!method) return t('plan.no_card')
  const { brand, last_four: last } = method
  const name = brand ? brand[0].toUpperCase() + brand.slice(1) : t('method.card')
  const card = last ? t('plan.card', { brand: name, last }) : name
  return method.broken ? t('plan.card_broken', { card }) : card
}

/** The day of that moment: "December 30". */
export const dayOf = (iso) => lastDay(new Date(Date.parse(iso) + 1000))

const hourIn = (zone, date) =>
  Number(new Intl.DateTimeFormat('en', { timeZone: zone, hour: 'numeric', hourCycle: 'h23' }).format(date))

/** Days that a charge of that hour waits: what is due after the hours of charges is charged on the day after. */
const waits = ({ charge_hours: hours }, date) => (hours && hourIn(hours.time_zone, date) >= hours.until ? 1 : 0)

/**
 * The day of the next charge, one period from now by the calendar, where a month that is too short
 * ends it.
 */
export function nextDay(plan, from = new Date()) {
  const months = plan.every === 'year' ? 12 : 1
  const next = new Date(from)
  next.setMonth(next.getMonth() + months, 1)
  const last = new Date(next.getFullYear(), next.getMonth() + 1, 0).getDate()
  next.setDate(Math.min(from.getDate(), last) + waits(plan, from))
  return dayOf(next)
}

/** The day on which a trial that begins now is paid for. */
export const trialEnd = (plan, from = new Date()) => dayOf(new Date(+from + (plan.trial_days + waits(plan, from)) * 86_400_000))

/** Of a trial that runs: what is charged at its end, and when; of one that asks, until when. */
export const trialValues = ({ trial, period_end: end, next_charge_at: at, amount, currency }) =>
  ({ date: dayOf((trial !== 'asked' && at) || end), amount: money(amount, currency) })

/** Of a higher price that somebody is asked to agree to: before, after and the day. */
export const priceValues = ({ amount, currency, price, method }) =>
  ({ date: dayOf(price.from), amount: money(amount, currency), next: money(price.amount, currency), card: cardName(method) })

/** Why not, as a sentence. */
export function said({ what, reason = '', seconds, text }) {
  const minutes = number(Math.max(1, Math.ceil((seconds ?? 600) / 60)))
  return (text ?? t(`plan.${what}`, { reason, minutes }) ?? t('plan.unknown')).replace(/ {2,}/g, ' ')
}

export const refusedLine = (outcome) => html`<p class="told refusal">${said(outcome)}</p>`

/** What somebody agrees to, as it is shown, to be kept as evidence; no other amount is charged. */
export const consentOf = (version, shown, locale, amount) => ({ text: version, shown: [...shown].slice(0, 600).join(''), locale, amount })

/** How a person hears of what a plan gives. */
export const allowance = (plan) => per('plan.tokens', plan, { tokens: tokens(plan.tokens) })

export const lapse = (plan) => (plan.rollover === 'full' ? t('plan.stays')
  : per(plan.rollover === 'cap' ? 'plan.carries' : 'plan.ends', plan, { tokens: plan.rollover_cap && tokens(plan.rollover_cap) }))

export const title = (plan) => nameOf(plan)
