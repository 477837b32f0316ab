// The parts of a store: packs, methods, the sum and the button. `view` is what the store has chosen.

import { html, nothing } from 'lit'
import { GATEWAYS } from '../gateways/names.js'
import { hintOf } from '../methods.js'
import { locale, money, nameOf, number, t, tokens } from '../text.js'
import { packs as packsOf } from './basket.js'
import { lacking } from './buyer.js'
import { line } from './code.js'
import { methodIcon } from './icons.js'
import { consent, given } from './words.js'

/** What there is of it to press: `{id, class, label}` of a pack's headline. */
const titleOf = (offer) => (offer.tokens > 0 ? tokens(offer.tokens) : nameOf(offer))

export function packs(view) {
  const { offers, offer: chosen, best, compact, onPack, onMore } = view
  const more = view.hidden > 0
  return html`<fieldset class=${compact ? 'packs rows' : 'packs'} ?inert=${view.busy}>
    <legend class="unseen">${t('store.packs')}</legend>
    ${offers.map((offer) => html`<label class="pack" part="pack">
      <input type="radio" name="pack" id="pack-${offer.id}" value=${offer.id}
        .checked=${offer === chosen} @change=${() => onPack(offer)}>
      <span class="title figure">${titleOf(offer)}
        ${offer.id === best ? html`<span class="badge">${t('store.popular')}</span>` : nothing}</span>
      <span class="price figure">${money(offer.amount, offer.currency)}</span>
      <span class="name">${offer.tokens > 0 ? given(nameOf(offer)) : nothing}</span>
      <span class="each figure">${each(offer)}</span>
    </label>`)}
  </fieldset>
  ${more ? html`<button type="button" class="link" id="all-packs" @click=${onMore}>${t('store.all_packs')}</button>` : nothing}`
}

function each({ tokens: count, amount, currency, discount_percent: percent }) {
  if (!(count > 0)) return nothing
  const price = t('store.each', { price: money(Math.round(amount / count), currency) })
  return percent > 0
    ? html`${price} · <b class="off">${t('store.save', { percent: number(percent) })}</b>`
    : price
}

/** No group where there is nothing to choose: a line with the only method. */
export function methods(view) {
  const { methods: all, method: chosen, folded, onMethod, onUnfold } = view
  if (!all.length) return html`<p class="quiet">${t('store.no_method')}</p>`
  if (all.length === 1) return html`<div class="one">${methodIcon(all[0].id)}<span>${t(`method.${all[0].id}`)}</span></div>${hint(view)}`
  if (folded && chosen) {
    return html`<div class="one">${methodIcon(chosen.id)}
      <span>${t(`method.${chosen.id}`)}<small>${t('store.method_last')}</small></span>
      <button type="button" class="link" @click=${onUnfold}>${t('store.change')}</button></div>${hint(view)}`
  }
  return html`<fieldset class="methods" ?inert=${view.busy} id="methods" tabindex="-1">
    <legend>${t('store.method')}</legend>
    <div class="tiles">${all.map((method) => {
      const much = off(method, view.due)
      return html`<label class="method" ?data-off=${much}>
        <input type="radio" name="method" value=${method.id} .checked=${method.id === chosen?.id}
          aria-describedby=${much ? `much-${method.id}` : nothing} @change=${() => onMethod(method)}>
        ${methodIcon(method.id)}<span>${t(`method.${method.id}`) ?? method.id}</span>
        ${much ? html`<span class="unseen" id="much-${method.id}">${offText(method, view.due)}</span>` : nothing}
      </label>`
    })}</div>
  </fieldset>${hint(view)}`
}

function hint({ method, due }) {
  if (!method) return nothing
  const gateway = GATEWAYS[method.gateway]?.name[locale()]
  const text = off(method, due) ? offText(method, due) : t(hintOf(method), { gateway })
  return text ? html`<p class="hint">${text}</p>` : nothing
}

/** A gateway's own fields, in the light of the page: see form.js. */
export const fields = ({ error, leave }) => html`<div class="fields" id="fields" tabindex="-1" role="group"
    aria-label=${t('form.card')}>
  <slot name="form"></slot>
  <p class="error" role="alert">${error}</p>
  <button type="button" class="link" @click=${leave}>${t('form.cancel')}</button>
</div>`

/** Of a way that has cash receipts, where the page has their element: see cash-receipts.js. */
export const receipt = ({ method, busy }) =>
  method?.cashReceipt ? html`<coinslot-cash-receipt id="receipt" ?inert=${busy}></coinslot-cash-receipt>` : nothing

/** Why it cannot be paid now, in words. */
export function blocked(due, method, buyer) {
  if (!navigator.onLine) return t('offline.text')
  if (!method) return t('store.no_method')
  const field = lacking(method, buyer)
  if (field) return t('buyer.missing', { field: t(`buyer.${field}`) })
  return off(method, due) ? offText(method, due) : null
}

const off = ({ min = 0, max = Infinity }, due) => Boolean(due && (due.amount < min || due.amount > max))
const offText = ({ min, max }, { amount, currency }) =>
  amount > max ? t('method.too_much', { amount: money(max, currency) }) : t('method.too_little', { amount: money(min, currency) })

export function summary(view) {
  const { offer, basket } = view
  const several = basket.quantity > 1 ? packsOf(basket.quantity) : null
  const what = [nameOf(offer), several, basket.tokens > 0 && tokens(basket.tokens)].filter(Boolean).join(' · ')
  const row = (name, amount, kind) => html`<div class=${kind ?? nothing}><dt>${name}</dt>
    <dd class="figure">${money(amount, offer.currency)}</dd></div>`
  const less = (name, before, now) => (now < before ? row(name, now - before, 'less') : nothing)
  return html`<div class="summary">
    <h2>${t('store.summary')}</h2>
    <dl>
      ${row(given(what), basket.list)}
      ${less(t('store.several'), basket.list, basket.amount)}
      ${basket.promoCode ? less(line(basket.promoCode), basket.amount, basket.total) : nothing}
      ${row(t('store.total'), basket.total, 'total')}
    </dl>
    ${after(view)}
  </div>
  <div class="pay">${consent(offer)}${view.ownButton ? nothing : payButton(view)}</div>`
}

/** The prices in another currency, quietly. */
export const currencies = (view) => view.currencies.map((currency) => html`<button type="button"
  class="link currency" @click=${() => view.onCurrency(currency)}>${t('store.other_currency', {
    currency: t(`currency.${currency}`) ?? currency,
  })}</button>`)

/** The balance as it will be, where it is known as it is. */
function after({ basket, owned }) {
  if (owned === null || !(basket.tokens > 0)) return nothing
  const [before, then] = [number(owned), number(owned + basket.tokens)]
  return html`<p class="after figure"><span aria-hidden="true">${t('store.after')}</span><span aria-hidden="true">${before} → ${then}</span>
    <span class="unseen">${t('store.after_said', { before, after: then })}</span></p>`
}

/** Keeps its width while it is busy, and can be pressed where it cannot pay: then it says why. */
export function payButton(view) {
  const { busy, blocked } = view
  return html`<button type="button" id="pay" class="main" aria-disabled=${busy || blocked ? 'true' : 'false'}
      aria-busy=${busy ? 'true' : 'false'} @click=${view.onPay} @pointerover=${view.onNear} @focus=${view.onNear}>
    <span class=${busy ? 'away' : ''}>${payText(view)}</span>
    ${busy ? html`<span class="busy"><span class="spinner" aria-hidden="true"></span>${t('store.buying')}</span>` : nothing}
  </button>`
}

function payText({ due, method, goesOn }) {
  if (method?.id === 'virtual_account' && !goesOn) return t('store.pay_vbank')
  return t(goesOn ? 'store.pay_continue' : 'store.pay', { amount: money(due.amount, due.currency) })
}

export const skeleton = () => html`<div class="choices"><div class="packs" aria-hidden="true">
  ${[1, 2, 3].map(() => html`<div class="pack bones"><i></i><i></i><i></i></div>`)}</div>
  <p class="unseen" role="status">${t('store.loading')}</p></div>`

