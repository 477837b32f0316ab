// <coinslot-plans> and <coinslot-subscription>, a file of their own: a shop without plans loads
// nothing of them, and one with plans loads them on the pages that have them.

import { configure } from './client.js'
import { definePlans } from './elements/plan-elements.js'
import { setLocale } from './text.js'

/** Once for a page; again to change an option. */
export async function defineCoinslotPlans({ locale, ...options }) {
  configure(options)
  setLocale(locale)
  definePlans()
}
