// Toss's automatic payments: https://docs.tosspayments.com/sdk/v2/js. The window leaves the page for
// an address of the sidecar's frontend, and brings an `authKey` there.

import { load } from '../load.js'
import { left, window } from './index.js'

export const script = () => window().script

export async function store({ clientKey, customerKey, ...asked }, { sdk }) {
  const TossPayments = await load(sdk, 'TossPayments')
  try {
    await TossPayments(clientKey).payment({ customerKey }).requestBillingAuth(asked)
  } catch (error) {
    return left(error)
  }
  return new Promise(() => {}) // the page is being left
}

export function carried(get) {
  const [authKey, customerKey] = [get('authKey'), get('customerKey')]
  return authKey && { authKey, customerKey }
}
