// Web components for prepaid tokens; coinslot.d.ts has what everything takes and tells.
// A server may import this: whatever wants a browser is run by defineCoinslot().

import { configure } from './client.js'
import { setLocale } from './text.js'

export { refreshBalance } from './balance.js'
export { setLocale }

export const resumePayment = async (...all) => (await import('./resume.js')).resumePayment(...all)

/** Once for a page; again to change an option. */
export async function defineCoinslot({ locale, ...options }) {
  configure(options)
  setLocale(locale)
  const { defineElements } = await import('./elements/index.js')
  defineElements()
}
