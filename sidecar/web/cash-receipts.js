// <coinslot-cash-receipt>, a file of its own: only shops in Korea have cash receipts (현금영수증).

import { configure } from './client.js'
import { defineCashReceipt } from './elements/cash-receipt.js'
import { setLocale } from './text.js'

/** Once for a page; again to change an option. */
export async function defineCoinslotCashReceipts({ locale, ...options }) {
  configure(options)
  setLocale(locale)
  defineCashReceipt()
}
