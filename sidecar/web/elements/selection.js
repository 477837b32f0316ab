// What a person has chosen in a store, which is kept for the next visit.

import { methodsIn } from '../methods.js'
import { keep, kept } from '../orders.js'
import { locale } from '../text.js'

const CHOICE = 'coinslot:choice'
const HOME = { ko: 'KRW', en: 'USD' }
const SHOWN = 2 // packs, where only some are asked for

export class Selection {
  #choice = {} // {currency, pack, method, used}

  recall() {
    this.#choice = { ...kept('localStorage', CHOICE), ...this.#choice }
  }

  choose(change) {
    keep('localStorage', CHOICE, Object.assign(this.#choice, change))
  }

  /** An app that asks for a currency is followed, until the person chooses another. */
  forgetCurrency() {
    delete this.#choice.currency
  }

  /**
   * What is shown, of what has been chosen and of what there is. `need` says how many tokens there are
   * and have to be: then it is the smallest packs that suffice, unless `all` are wanted.
   */
  of({ offers = [], gateway, currency: asked, need, all }) {
    const currencies = currenciesOf(offers, gateway)
    const wanted = [this.#choice.currency, asked, HOME[locale()]]
    const currency = wanted.find((each) => currencies.includes(each)) ?? currencies[0]
    const sold = currency ? offers.filter((each) => each.currency === currency) : offers
    const { required = 0, tokens = 0 } = need ?? {}
    const missing = Math.max(0, required - tokens)
    const enough = missing ? sold.filter((each) => each.tokens >= missing) : []
    const fitting = enough.length ? enough : sold
    const shown = missing && !all ? fitting.slice(0, SHOWN) : sold
    const methods = currency ? methodsIn(currency, gateway) : []
    const method = methods.find(({ id }) => id === this.#choice.method) ?? methods[0]
    return {
      currencies: currencies.filter((each) => each !== currency),
      offers: shown,
      hidden: sold.length - shown.length,
      offer: shown.find(({ id }) => id === this.#choice.pack) ?? fitting[0],
      methods,
      method,
      used: Boolean(method && this.#choice.used === method.id),
    }
  }
}

function currenciesOf(offers, gateway) {
  const priced = new Set(offers.map((each) => each.currency))
  return [...priced].filter((each) => methodsIn(each, gateway).length).sort()
}
