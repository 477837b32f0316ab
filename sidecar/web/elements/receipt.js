// The gateway's own receipt of a payment, in a tab of its own.

import { ask } from '../client.js'
import { t } from '../text.js'
import { address } from './words.js'

/** Says on the button that there is none. */
export async function showReceipt(button, orderId) {
  const tab = open('', '_blank') // at once: a browser opens no tab long after a press
  const { status, url } = await ask(`/payment/${encodeURIComponent(orderId)}/receipt`)
  const href = address(url)
  if (!href) {
    tab?.close()
    button.textContent = t(status === 404 ? 'receipt.none' : 'receipt.failed')
  } else if (tab) {
    tab.opener = null
    tab.location.replace(href)
  } else location.assign(href)
}
