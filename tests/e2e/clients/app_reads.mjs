// What an app did before Coinslot, through an unmodified supabase-js, after it was taken in. Writes
// each answer as JSON: [status, error code or null, data].
import { createClient } from '@supabase/supabase-js'
import ws from 'ws'

const { SUPABASE_URL, SUPABASE_ANON_KEY, SUPABASE_SERVICE_ROLE_KEY, EMAIL, PASSWORD } = process.env
const connect = (key) =>
  createClient(SUPABASE_URL, key, {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: ws },
  })
const user = connect(SUPABASE_ANON_KEY)
const service = connect(SUPABASE_SERVICE_ROLE_KEY)
const { data, error } = await user.auth.signInWithPassword({ email: EMAIL, password: PASSWORD })
if (error) throw error
const id = data.user.id

const queries = {
  tokens: user.from('profiles').select('tokens').eq('id', id).single(),
  all: user.from('profiles').select('*').eq('id', id).single(),
  others: user.from('profiles').select('tokens').neq('id', id),
  spend: user.from('profiles').update({ tokens: 999 }).eq('id', id),
  add: service.from('profiles').update({ tokens: 999 }).eq('id', id),
  payments: user.from('payments').select('status').eq('user_id', id),
  pay: user.from('payments').insert({ user_id: id, amount: 5000, tokens: 10, payment_key: 'new' }),
  webhook: service.from('payments').update({ status: 'completed' }).eq('user_id', id),
}
const answers = {}
for (const [name, query] of Object.entries(queries)) {
  const answer = await query
  answers[name] = [answer.status, answer.error?.code ?? null, answer.data]
}
console.log(JSON.stringify(answers))
