// A top-up as its owner sees it, and what they fill in to have one.

import { html, nothing } from 'lit'
import { money, moment, nameOf, number, t, tokens } from '../text.js'
import { inMinor, stepOf, typed } from '../top-ups.js'
import { fields } from './checkout.js'
import { icon } from './icons.js'
import { cardChoice } from './plan-parts.js'
import { cardName, said } from './plan-words.js'
import { consent, given } from './words.js'

const TONES = { on: 'good', suspended: 'bad' }
const REFUSED = ['declined', 'authentication']
const MENDED = [...REFUSED, 'no_method', 'price_changed']
const OWN_REASONS = [...MENDED, 'money_back', 'money_in_review', 'over']

/** True of the card that stopped it, which is not taken again. */
export const isRefused = ({ reason, method_id: used }, { id }) => REFUSED.includes(reason) && id === used

/** Why a suspended one does not go on: what its owner mends, what has to pass, or `over`. */
export const whyStopped = ({ reason, barred }) => (MENDED.includes(reason) ? reason : barred ?? 'over')
export const isMended = (topUp) => topUp.status !== 'suspended' || [...MENDED, 'over'].includes(whyStopped(topUp))

export const heading = ({ status }) => html`<div class="head"><h2 part="title" id="title" tabindex="-1">${t('topup.title')}</h2>
  ${status === 'off' ? nothing : html`<span class="chip ${TONES[status]}">${t(`topup.status_${status}`)}</span>`}</div>`

const line = (tone, text) => html`<p class="banner ${tone}">${icon(tone === 'bad' ? 'cross' : 'clock')}<span>${text}</span></p>`

/** What it does, or why it does nothing and what mends that. */
export function standing(topUp, { card }) {
  const { status, unanswered, failures, next_at: next, amount, currency, threshold, tokens: count } = topUp
  if (status === 'off') return html`<p class="say">${t('topup.off')}</p>`
  if (status === 'suspended') {
    const why = whyStopped(topUp)
    return line('bad', t(`topup.why_${OWN_REASONS.includes(why) ? why : 'other'}`))
  }
  const values = { threshold: tokens(threshold), tokens: tokens(count), amount: money(amount, currency), card: cardName(card) }
  return html`<p class="say figure">${t('topup.on', values)}</p>
    ${unanswered ? line('warn', t('topup.unanswered')) : failures ? line('warn', t('topup.retry', { time: moment(next) })) : nothing}
    ${!unanswered && !failures && spentOut(topUp) ? line('', t('topup.spent_out')) : nothing}`
}

const timesOf = (times) => t('topup.count', { times: number(times) })

/** Within thirty days nothing more fits. */
const spentOut = ({ spent, times, amount, monthly_cap: cap, monthly_times: most }) => spent + amount > cap || times >= most

export function facts({ currency, spent, times, monthly_cap: cap, monthly_times: most, amount, tokens: count, threshold }, { card }) {
  const rows = [
    ['topup.pack', t('topup.pack_value', { tokens: tokens(count), amount: money(amount, currency) })],
    ['topup.below', tokens(threshold)],
    ['topup.spent', t('topup.of', { part: money(spent, currency), all: money(cap, currency) })],
    ['topup.times', t('topup.of', { part: timesOf(times), all: timesOf(most) })],
    ['plan.card_label', cardName(card)],
  ]
  return html`<dl class="facts">${rows.map(([name, value]) => html`<div><dt>${t(name)}</dt><dd class="figure">${given(value)}</dd></div>`)}</dl>`
}

/** The sentence that is agreed to, and kept. */
export const agreedTo = (pack, { threshold, cap, times, method }) => t('topup.consent', {
  threshold: tokens(threshold), tokens: tokens(pack.tokens), amount: money(pack.amount, pack.currency), cap: money(cap, pack.currency),
  times: t(times === 1 ? 'topup.most_once' : 'topup.most_times', { times: number(times) }),
  card: method ? cardName(method) : t('topup.new_card'),
})

/** Of the packs none is chosen for anybody. */
export function editor(view) {
  const { packs, pack, draft, currency, busy, form, refusal, method } = view
  const write = (name) => ({ target }) => view.onWrite({ [name]: target.value })
  const shut = busy && !form
  return html`<div class="panel" id="editor" tabindex="-1">
    <fieldset class="packs rows" ?inert=${busy} id="pack" tabindex="-1"><legend>${t('topup.choose')}</legend>
      ${packs.map((each) => html`<label class="pack">
        <input type="radio" name="pack" value=${each.id} .checked=${each === pack} @change=${() => view.onPack(each)}>
        <span class="title">${given(nameOf(each))}</span><span class="price figure">${money(each.amount, each.currency)}</span>
        <span class="name figure">${tokens(each.tokens)}</span></label>`)}
    </fieldset>
    ${pack ? html`<div class="bounds" ?inert=${busy}>
      ${field('threshold', t('topup.threshold'), draft.threshold, { min: 1, max: pack.tokens - 1, step: 1 }, write('threshold'))}
      ${field('cap', t('topup.cap', { currency }), draft.cap, { min: typed(pack.amount, currency), step: stepOf(currency) }, write('cap'))}
    </div>
    ${form && !view.methods.length ? nothing : cardChoice({ ...view, name: 'top-up-card' })}
    ${form ? fields(form) : nothing}
    <div class="agree"><p class="terms figure">${agreedTo(pack, { ...written(draft, currency), times: view.times, method })}</p>${consent({})}</div>` : nothing}
    <div role="alert">${refusal ? html`<p class="told refusal">${refusedWith(refusal)}</p>` : nothing}</div>
    <div class="both">
      ${form ? nothing : html`<button type="button" class="plain" name="no" ?inert=${busy} @click=${view.onNo}>${t('topup.not_now')}</button>`}
      <button type="button" name="yes" aria-disabled=${shut ? 'true' : 'false'} aria-busy=${shut ? 'true' : 'false'} @click=${view.onYes}>
        ${shut ? html`<span class="spinner" aria-hidden="true"></span>` : nothing}${t(form ? 'topup.save_card' : 'topup.yes')}</button>
    </div></div>`
}

const written = ({ threshold, cap }, currency) =>
  ({ threshold: Number(threshold) || 0, cap: inMinor(cap, currency) || 0 })

const field = (id, label, value, { min, max, step }, onInput) => html`<label class="bound"><span>${label}</span>
  <input id=${id} type="number" inputmode="decimal" required min=${min} max=${max ?? nothing} step=${step} .value=${value ?? ''} @input=${onInput}></label>`

function refusedWith({ wrong, pack, what, reason }) {
  if (wrong === 'pack') return t('topup.choose')
  if (wrong === 'threshold') return t('topup.wrong_threshold', { most: tokens(pack.tokens - 1) })
  if (wrong === 'cap') return t('topup.wrong_cap', { least: money(pack.amount, pack.currency) })
  return t(`topup.refused_${what}`) ?? said({ what, reason })
}
