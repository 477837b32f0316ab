// Acme in the browser.

import { load } from '../load.js'

export const window = () => ({ script: ['acme', 'https://js.acme.test/acme.js', 'Acme'], pay })

export const checkout = ({ productId }) => ['/payment/acme/create', { productId }]

export const settle = ({ orderId }) => ['/payment/acme/complete', { orderId }]

export const returned = () => null

async function pay(order, { sdk }) {
  const Acme = await load(sdk, 'Acme')
  return { claimed: await Acme.pay(order.checkout.acmePayment) }
}
