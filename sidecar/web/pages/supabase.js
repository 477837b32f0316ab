// The parts of supabase-js that the pages use, put together as it does: the same session in the same
// place, so that whoever signed in through the whole of it stays signed in.
import { AuthClient } from '@supabase/auth-js'
import { PostgrestClient } from '@supabase/postgrest-js'

/** `more` changes how Auth keeps a session. */
export function createClient(address, anonKey, more = {}) {
  const url = new URL(address)
  const auth = new AuthClient({
    url: `${address}/auth/v1`,
    headers: { apikey: anonKey, Authorization: `Bearer ${anonKey}` },
    storageKey: `sb-${url.hostname.split('.')[0]}-auth-token`,
    autoRefreshToken: true,
    persistSession: true,
    detectSessionInUrl: true,
    flowType: 'implicit',
    ...more,
  })

  async function authorized(input, init = {}) {
    const headers = new Headers(init.headers)
    headers.set('apikey', anonKey)
    if (!headers.has('Authorization')) {
      const { data, error } = await auth.getSession()
      // Whoever cannot be asked about just now is not nobody: nothing is asked in nobody's name.
      if (error) throw error
      headers.set('Authorization', `Bearer ${data.session?.access_token ?? anonKey}`)
    }
    return fetch(input, { ...init, headers })
  }

  const rest = new PostgrestClient(`${address}/rest/v1`, { fetch: authorized })
  return {
    auth,
    from: (table) => rest.from(table),
    rpc: (name, values) => rest.rpc(name, values),
    /** The answer of one of the app's own functions. */
    call: (name, headers, body) =>
      authorized(`${address}/functions/v1/${name}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
  }
}
