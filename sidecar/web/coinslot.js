// Web components for prepaid tokens; coinslot.d.ts has what everything takes and tells.

import { configure, news } from './client.js'
import { CoinslotBalance } from './elements/balance.js'
import { CoinslotHistory } from './elements/history.js'
import { CoinslotPaywall, noteBought } from './elements/paywall.js'
import { CoinslotResult } from './elements/result.js'
import { CoinslotStore } from './elements/store.js'
import { setLocale } from './text.js'

export { refreshBalance } from './balance.js'
export { setLocale }

const ELEMENTS = {
  'coinslot-balance': CoinslotBalance,
  'coinslot-history': CoinslotHistory,
  'coinslot-paywall': CoinslotPaywall,
  'coinslot-result': CoinslotResult,
  'coinslot-store': CoinslotStore,
}

export const resumePayment = async (...all) => (await import('./resume.js')).resumePayment(...all)

/** Once for a page; again to change an option. */
export async function defineCoinslot({ locale, ...options }) {
  configure(options)
  news.addEventListener('purchased', noteBought)
  await setLocale(locale)
  for (const [name, element] of Object.entries(ELEMENTS)) {
    if (!customElements.get(name)) customElements.define(name, element)
  }
}
