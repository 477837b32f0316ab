// What is on sale, as the database tells everybody.

import { config } from '../client.js'

const OFFER = 'id,kind,name,name_ko,tokens,currency,amount,discount_percent,tokens_last_days,tokens_end_at,tiers'

/** A session that the server no longer takes is renewed, or ended: the packs are for everybody. */
export async function readOffers() {
  const read = () => config.supabase.from('token_offers').select(OFFER).order('tokens')
  let { data, error, status } = await read()
  if (status === 401 && config.supabase.auth?.refreshSession) {
    await config.supabase.auth.refreshSession()
    ;({ data, error } = await read())
  }
  if (error) throw error
  return data
}
