// How many packs there are in an order, and what they cost together. The database has worked that out.

import { html, nothing } from 'lit'
import { config, news } from '../client.js'
import { number, t } from '../text.js'
import { Code } from './code.js'

/** What a person takes of the chosen pack. `free` is asked before it changes: not while it is paid for. */
export class Basket {
  #host
  #free
  #quantity = 1
  #code

  constructor(host, free) {
    this.#host = host
    this.#free = free
    this.#code = new Code(host)
  }

  /** The part of a store's view that is about it. */
  of(offer, method) {
    if (!offer) return {}
    const basket = basketOf(offer, this.#quantity, this.#code)
    const open = (change) => this.#turn(change, 'code')
    return {
      basket,
      due: { amount: basket.total, currency: offer.currency },
      code: this.#code,
      // What it costs with the code is being asked.
      pending: Boolean(this.#code.applied && !basket.promoCode),
      onQuantity: (quantity) => this.#free() && this.choose(quantity),
      onCode: (event) => {
        event.preventDefault()
        if (this.#free()) this.#code.apply(basket, method?.gateway)
      },
      onCodeText: ({ target }) => (this.#code.text = target.value),
      onCodeOpen: () => open(() => (this.#code.open = true)),
      onCodeGone: () => open(() => this.#free() && this.#code.remove()),
    }
  }

  choose(quantity = 1) {
    this.#quantity = quantity
    this.#host.requestUpdate()
  }

  /** Asks again about the code that is applied, where something else is chosen now. */
  follow({ basket, method }) {
    if (basket) this.#code.follow(basket, method?.gateway)
  }

  /** Whoever is signed in now may not use what somebody else could. */
  start() {
    this.#host.on(news, 'signed', () => this.#code.forget())
  }

  /** A code is used up with its order, or refused with it; of another price it is asked about anew. */
  end({ kind }) {
    if (kind === 'purchased') this.#quantity = 1
    if (/purchased|waiting|code_refused/.test(kind)) this.#code.remove()
    else this.#code.forget()
  }

  /** The basket of an order that is gone on with: with a code it is of its own price. */
  again(offer, { quantity, promoCode, tokens, amount }) {
    this.choose(quantity)
    return { ...basketOf(offer, quantity), ...(promoCode && { promoCode, tokens, total: amount }) }
  }

  #turn(change, id) {
    change()
    this.#host.requestUpdate()
    this.#host.focusOn(id)
  }
}

/** What there is to choose from: one pack, and as many as each tier begins with. */
export function choicesOf(offer) {
  const tiers = (offer.tiers ?? []).filter(({ quantity }) => quantity <= config.maxQuantity)
  return tiers.length ? [{ ...offer, quantity: 1 }, ...tiers] : []
}

/** `{quantity, tokens, list, amount}` of the packs, and with a code the `total` that it makes of it. */
export function basketOf(offer, quantity = 1, code = null) {
  const chosen = choicesOf(offer).find((each) => each.quantity === quantity) ?? offer
  const { tokens, amount } = chosen
  const packs = chosen.quantity ?? 1
  const basket = { productId: offer.id, currency: offer.currency, quantity: packs, tokens, list: offer.amount * packs, amount }
  const applied = code?.of(basket)
  return { ...basket, promoCode: applied?.code, total: applied?.amount ?? amount }
}

/** What an order has of it that is not of every order. */
export const orderedOf = ({ quantity, promoCode }) => ({ ...(quantity > 1 && { quantity }), ...(promoCode && { promoCode }) })

export function quantities({ offer, basket, busy, onQuantity }) {
  const all = choicesOf(offer)
  if (!all.length) return nothing
  return html`<fieldset class="many" ?inert=${busy}>
    <legend>${t('store.quantity')}</legend>
    <div class="tiles">${all.map(({ quantity, amount }) => html`<label class="method">
      <input type="radio" name="quantity" value=${quantity} .checked=${quantity === basket.quantity}
        @change=${() => onQuantity(quantity)}>
      <span class="figure">${packs(quantity)}</span>
      ${off(offer.amount * quantity, amount)}
    </label>`)}</div>
  </fieldset>`
}

export const packs = (quantity) => t(quantity === 1 ? 'store.pack' : 'store.packs_of', { count: number(quantity) })

/** Whole percents, and never more than it is. */
const percentOff = (list, amount) => Math.floor((100 * (list - amount)) / list)

const off = (list, amount) =>
  amount < list ? html`<small class="off">${t('store.save', { percent: number(percentOff(list, amount)) })}</small>` : nothing
