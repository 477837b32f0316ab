// <coinslot-plans>, <coinslot-subscription> and <coinslot-top-up>, a file of their own: a shop without
// them loads nothing of it, and one with them loads it on the pages that have them.

import { configure } from './client.js'
import { definePlans } from './elements/plan-elements.js'
import { setLocale } from './text.js'

/** Once for a page; again to change an option. */
export async function defineCoinslotPlans({ locale, ...options }) {
  configure(options)
  setLocale(locale)
  definePlans()
}
