// The later file, fetched once. Nothing has begun where it cannot be had: whoever needs it says so, and
// asks again.

import { fetchLater } from './fetching.js'

let loading = null

/** What is in it, by the names in later.js. Rejects where it cannot be fetched. */
export function later() {
  loading ??= fetchLater().catch((error) => {
    loading = null
    throw error
  })
  return loading
}

/** Has it come while somebody still makes up their mind: undefined where it does not. */
export const fetchAhead = () => later().catch(() => {})

/** Asks what became of the payment that an address names; without the file nobody could be asked. */
export async function resumePayment(...all) {
  const file = await later().catch(() => null)
  return file ? file.resumePayment(...all) : { kind: 'unknown' }
}
