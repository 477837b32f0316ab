// A person's top-up: a pack that is bought by itself when few tokens are left.

import { config, inTheNameOf, session } from './client.js'

const OFFERED = 'id,name,name_ko,tokens,currency,amount'

/** Where it may be charged: currencies, each with a gateway; of one gateway only, if that is asked for. */
export const placesOf = (only) => (config.topUps ?? []).filter(({ gateway }) => !only || gateway === only)

/** `{topUp, methods, packs}` of the person; null where nobody is signed in. */
export async function readTopUp() {
  const who = await session()
  if (!who) return null
  const asked = ['get_token_top_up', 'list_token_methods']
    .map((name) => inTheNameOf(who, config.supabase.rpc(name).throwOnError()))
  const offers = config.supabase.from('token_offers').select(OFFERED).gt('tokens', 1).order('tokens').order('id').throwOnError()
  const [topUp, methods, packs] = await Promise.all([...asked, offers])
  return { topUp: topUp.data, methods: methods.data, packs: packs.data }
}

const digitsOf = (currency) =>
  new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits

/** Minor units as they are typed: 7.90; 9900. */
export const typed = (amount, currency) => (amount / 10 ** digitsOf(currency)).toFixed(digitsOf(currency))
export const inMinor = (text, currency) => Math.round(Number(text) * 10 ** digitsOf(currency))
export const stepOf = (currency) => String(10 ** -digitsOf(currency))

/** What is proposed for a pack, to be changed: a fifth of it, and three of it within thirty days. */
export const proposed = ({ tokens, amount, currency }) =>
  ({ threshold: String(Math.max(1, Math.floor(tokens / 5))), cap: typed(amount * 3, currency) })

/** `{threshold, cap}` in whole tokens and minor units, or `{wrong}`: which of them is out of bounds. */
export function boundsOf({ threshold, cap }, { tokens, amount, currency }) {
  const bounds = { threshold: Number(threshold), cap: inMinor(cap, currency) }
  if (!Number.isInteger(bounds.threshold) || bounds.threshold < 1 || bounds.threshold >= tokens) return { wrong: 'threshold' }
  if (!Number.isSafeInteger(bounds.cap) || bounds.cap < amount) return { wrong: 'cap' }
  return bounds
}
