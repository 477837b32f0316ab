// The questions that come before something changes: what it means, and two buttons of one size.

import { html, nothing } from 'lit'
import { money, nameOf, t, tokens } from '../text.js'
import { allowance, cardName, dayOf, per, priceOf, priceValues } from './plan-words.js'
import { consent, given } from './words.js'

/** A paused subscription as it is once resumed: with the plan that was chosen for then. */
export const resumed = (subscription) => ({ ...subscription, ...subscription.next })

/** `{title, text, yes, no}` of what is asked, for `confirming`. */
export function question(kind, subscription, { plan, quote } = {}) {
  const { amount, currency, status, rollover } = subscription
  const date = dayOf(subscription.period_end)
  const values = { date, amount: money(amount, currency), tokens: tokens(subscription.tokens) }
  if (kind === 'cancel') {
    const text = status === 'trialing' ? 'cancel_trial' : status !== 'active' ? 'cancel_now' : rollover === 'full' ? 'cancel_text_full' : 'cancel_text'
    return { title: t('plan.cancel_title'), text: t(`plan.${text}`, values), yes: t('plan.cancel'), no: t('plan.keep') }
  }
  if (kind === 'agree') {
    const text = per('plan.agree_text', subscription, { ...values, card: cardName(subscription.method) })
    return { title: t('plan.agree_title'), text, yes: t('plan.agree_yes'), no: t('plan.not_yet'), terms: true }
  }
  if (kind === 'price_agree') {
    const text = per('plan.price_text', subscription, priceValues(subscription))
    return { title: t('plan.price_title'), text, yes: t('plan.price_sure'), no: t('plan.not_yet'), terms: true }
  }
  if (kind === 'pause') return { title: t('plan.pause_title'), text: t('plan.pause_text', values), yes: t('plan.pause'), no: t('plan.not_now') }
  if (kind === 'resume') {
    const begins = resumed(subscription)
    const paid = { amount: money(begins.amount, currency), tokens: tokens(begins.tokens) }
    return { title: t('plan.resume_title'), text: per('plan.resume_text', begins, paid), yes: t('plan.pay_now', paid), no: t('plan.not_now'), terms: true }
  }
  return { title: t('plan.change_title'), no: t('plan.not_now'), ...(quote ? quoted(plan, quote) : {}) }
}

/** What another plan costs now and later, as the database says. */
function quoted(plan, { at_once: now, amount, tokens: more, next_amount: next, next_tokens: later, period_end: end, currency }) {
  const values = { date: dayOf(end), next: money(next, currency) }
  if (!now) {
    return { text: per('plan.change_later', plan, { ...values, tokens: tokens(later) }), yes: t('plan.change_on', values), terms: true }
  }
  const paid = { ...values, amount: money(amount, currency), tokens: tokens(more) }
  return { text: per('plan.change_now', plan, paid), yes: t('plan.change_pay', paid), terms: true }
}

export function confirming({ title, text, yes, no, terms }, { choices = nothing, busy, refusal, onYes, onNo }) {
  return html`<form method="dialog" @submit=${(event) => event.preventDefault()}>
    <h2 id="asked" tabindex="-1" autofocus>${title}</h2>
    ${choices}
    <p class="say figure" role="status">${text ?? nothing}</p>
    ${terms ? consent({}) : nothing}
    <div role="alert">${refusal ?? nothing}</div>
    <div class="both">
      <button type="button" class="plain" name="no" @click=${onNo}>${no}</button>
      ${yes ? html`<button type="button" class="plain" name="yes" aria-disabled=${busy ? 'true' : 'false'} aria-busy=${busy ? 'true' : 'false'}
        @click=${onYes}>${busy ? html`<span class="spinner" aria-hidden="true"></span>` : nothing}${yes}</button>` : nothing}
    </div>
  </form>`
}

/** The other plans of the family, of which none is chosen for anybody. */
export function planChoice({ plans, plan: chosen, busy, onPlan }) {
  if (!plans.length) return html`<p class="quiet">${t('plan.none_other')}</p>`
  return html`<fieldset class="packs rows" ?inert=${busy}><legend class="unseen">${t('plan.choose')}</legend>
    ${plans.map((plan) => html`<label class="pack"><input type="radio" name="other" value=${plan.id} .checked=${plan === chosen}
        @change=${() => onPlan(plan)}>
      <span class="title">${given(nameOf(plan))}</span><span class="price figure">${priceOf(plan)}</span>
      <span class="name figure">${allowance(plan)}</span></label>`)}</fieldset>`
}
