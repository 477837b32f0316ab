// The elements for subscriptions and top-ups by their names.

import { addPlanTexts } from './plan-words.js'
import { CoinslotPlans } from './plans.js'
import { CoinslotSubscription } from './subscription.js'
import { CoinslotTopUp } from './top-up.js'

const ELEMENTS = { 'coinslot-plans': CoinslotPlans, 'coinslot-subscription': CoinslotSubscription, 'coinslot-top-up': CoinslotTopUp }

export function definePlans() {
  addPlanTexts()
  for (const [name, element] of Object.entries(ELEMENTS)) {
    if (!customElements.get(name)) customElements.define(name, element)
  }
}
