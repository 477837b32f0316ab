// POST {anonymousToken} → {tokens, balance}: takes an anonymous user's wallet into the caller's.
import { createClient } from '@supabase/supabase-js'

const { SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY } = process.env
const service = createClient(SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY)
const userOf = async (token) => token && (await service.auth.getUser(token)).data.user

export async function POST(request) {
  const { anonymousToken } = await request.json().catch(() => ({}))
  const into = await userOf(request.headers.get('authorization')?.replace(/^bearer /i, ''))
  // A JWT proves whose wallet it is. Never take a user id out of a request.
  const from = await userOf(anonymousToken)
  if (!into || into.is_anonymous || !from?.is_anonymous) {
    return Response.json({ error: 'unauthenticated' }, { status: 401 })
  }
  const { data, error, status } = await service.rpc('merge_token_wallets', {
    from_user: from.id,
    into_user: into.id,
    idempotency_key: `sign-in ${from.id}`, // a retry gets the first answer
  })
  return error ? Response.json({ error: error.message }, { status }) : Response.json(data)
}
