// The parts of a list of plans: the plans, the card, the sum and the button. `view` is what is chosen.

import { html, nothing } from 'lit'
import { money, nameOf, number, t, tokens } from '../text.js'
import { methodIcon } from './icons.js'
import { allowance, cardName, lapse, nextDay, per, priceOf, trialEnd } from './plan-words.js'
import { consent, given } from './words.js'

const trialOf = (plan) => t('plan.trial', { days: number(plan.trial_days) })

export function planCards({ plans, plan: chosen, busy, onPlan }) {
  return html`<fieldset class="packs" id="plans" tabindex="-1" ?inert=${busy}>
    <legend class="unseen">${t('plan.choose')}</legend>
    ${plans.map((plan) => html`<label class="pack" part="plan">
      <input type="radio" name="plan" value=${plan.id} .checked=${plan === chosen} @change=${() => onPlan(plan)}>
      <span class="title">${given(nameOf(plan))}</span>
      <span class="price figure">${priceOf(plan)}</span>
      <span class="name figure">${allowance(plan)}</span>
      <span class="each">${plan.tries ? trialOf(plan) : nothing}</span>
    </label>`)}
  </fieldset>`
}

/** Stored cards and a new one. Without a stored one there is nothing to choose. */
export function cardChoice({ methods, methodId, busy, onMethod, name = 'card', onRemove, used }) {
  if (!methods.length) return html`<div class="one">${methodIcon('card')}<span>${t('plan.card_one')}</span></div>`
  const row = (id, text, note, end = nothing) => html`<div class="row"><label class="pack card">
    <input type="radio" name=${name} value=${id ?? 'new'} .checked=${id === methodId} @change=${() => onMethod(id)}>
    <span class="title">${text}</span>${note ? html`<span class="name">${note}</span>` : nothing}</label>${end}</div>`
  const remove = (method) => onRemove && method.id !== used
    ? html`<button type="button" class="link" aria-label=${t('plan.remove_card', { card: cardName(method) })}
        @click=${() => onRemove(method)}>${t('plan.remove')}</button>` : nothing
  return html`<fieldset class="packs rows cards" ?inert=${busy} id="methods" tabindex="-1">
    <legend>${t('plan.method')}</legend>
    ${methods.map((each) => row(each.id, given(cardName(each)), null, remove(each)))}
    ${row(null, t('plan.card_new'), t('plan.card_new_hint'))}
  </fieldset>`
}

/** What is charged today and later, and what becomes of the tokens. */
export function planSummary(view) {
  const { plan } = view
  if (!plan) return html`<div class="pay">${subscribeButton(view)}</div>`
  const amount = money(plan.tries ? 0 : plan.amount, plan.currency)
  const rows = plan.tries
    ? [['plan.trial_given', tokens(plan.trial_tokens)], ['plan.trial_then', priceOf(plan), { date: trialEnd(plan) }]] : []
  return html`<div class="summary">
    <h2>${t('store.summary')}</h2>
    <dl>
      <div><dt>${given(nameOf(plan))}</dt><dd class="figure">${plan.tries ? trialOf(plan) : priceOf(plan)}</dd></div>
      <div><dt>${t(plan.every === 'year' ? 'plan.yearly' : 'plan.monthly')}</dt><dd class="figure">${tokens(plan.tokens)}</dd></div>
      ${rows.map(([name, value, values]) => html`<div><dt>${t(name, values)}</dt><dd class="figure">${value}</dd></div>`)}
      <div class="total"><dt>${t('plan.today')}</dt><dd class="figure">${amount}</dd></div>
    </dl>
    <p class="quiet">${plan.tries && plan.trial_tokens ? `${t('plan.trial_lapse')} ` : ''}${lapse(plan)}</p>
  </div>
  <div class="pay"><div class="agree"><p class="terms">${agreed(plan)}</p>${consent({})}</div>${subscribeButton(view)}</div>`
}

/** The line that a person agrees to. */
export function agreed(plan) {
  const amount = money(plan.amount, plan.currency)
  if (!plan.tries) return per('plan.consent', plan, { amount, date: nextDay(plan) })
  return per(plan.trial_asks ? 'plan.consent_asked' : 'plan.consent_trial', plan, { amount, date: trialEnd(plan) })
}

/** Can be pressed where it cannot subscribe: then it says why. */
function subscribeButton({ plan, busy, blocked, onSubscribe, onNear }) {
  const text = !plan ? t('plan.choose') : plan.tries ? t('plan.try', { days: number(plan.trial_days) })
    : per('plan.subscribe', plan, { amount: money(plan.amount, plan.currency) })
  return html`<button type="button" id="pay" class="main" aria-disabled=${busy || blocked ? 'true' : 'false'}
      aria-busy=${busy ? 'true' : 'false'} @click=${onSubscribe} @pointerover=${onNear} @focus=${onNear}>
    <span class=${busy ? 'away' : ''}>${text}</span>
    ${busy ? html`<span class="busy"><span class="spinner" aria-hidden="true"></span>${t('plan.busy')}</span>` : nothing}
  </button>`
}

export const planBones = () => html`<div class="choices"><div class="packs" aria-hidden="true">
  ${[1, 2].map(() => html`<div class="pack bones"><i></i><i></i><i></i></div>`)}</div>
  <p class="unseen" role="status">${t('plan.loading')}</p></div>`
