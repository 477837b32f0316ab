// The elements for subscriptions by their names.

import { addPlanTexts } from './plan-words.js'
import { CoinslotPlans } from './plans.js'
import { CoinslotSubscription } from './subscription.js'

const ELEMENTS = { 'coinslot-plans': CoinslotPlans, 'coinslot-subscription': CoinslotSubscription }

export function definePlans() {
  addPlanTexts()
  for (const [name, element] of Object.entries(ELEMENTS)) {
    if (!customElements.get(name)) customElements.define(name, element)
  }
}
