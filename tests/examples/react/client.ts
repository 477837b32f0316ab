// The app's own `utils/supabase/client`, with the types of the database.
import { createClient as connect } from '@supabase/supabase-js'
import type { Database } from '@/coinslot/database.types'

const { NEXT_PUBLIC_SUPABASE_URL: url, NEXT_PUBLIC_SUPABASE_ANON_KEY: key } = process.env
export const createClient = () => connect<Database>(url!, key!)

export async function tokensLeft(): Promise<number> {
  const { data } = await createClient().rpc('get_user_tokens').throwOnError()
  return data
}
