// The elements by their names.

import { CoinslotBalance } from './balance.js'
import { CoinslotHistory } from './history.js'
import { CoinslotPaywall, noteBought } from './paywall.js'
import { CoinslotResult } from './result.js'
import { CoinslotStore } from './store.js'
import { news } from '../client.js'

const ELEMENTS = {
  'coinslot-balance': CoinslotBalance,
  'coinslot-history': CoinslotHistory,
  'coinslot-paywall': CoinslotPaywall,
  'coinslot-result': CoinslotResult,
  'coinslot-store': CoinslotStore,
}

export function defineElements() {
  news.addEventListener('purchased', noteBought)
  for (const [name, element] of Object.entries(ELEMENTS)) {
    if (!customElements.get(name)) customElements.define(name, element)
  }
}
