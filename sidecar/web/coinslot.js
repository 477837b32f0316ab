// Web components for prepaid tokens; coinslot.d.ts has what everything takes and tells.
// What apps load is built so that nothing runs before a call: servers may import it (build.mjs).

import { configure } from './client.js'
import { defineElements } from './elements/index.js'
import { setLocale } from './text.js'

export { refreshBalance } from './balance.js'
export { resumePayment } from './loading.js'
export { setLocale }

/** Once for a page; again to change an option. */
export async function defineCoinslot({ locale, ...options }) {
  configure(options)
  setLocale(locale)
  defineElements()
}
