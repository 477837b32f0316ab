// The examples of docs/anonymous.md, as an app would run them: a browser that signs in, and the
// route of the app's server. What they came to is printed as JSON.
import { randomUUID } from 'node:crypto'
import { createClient } from '@supabase/supabase-js'
import ws from 'ws'

const { SUPABASE_URL, SUPABASE_ANON_KEY, SUPABASE_SERVICE_ROLE_KEY } = process.env
const realtime = { transport: ws }
const auth = { persistSession: false, autoRefreshToken: false }
globalThis.WebSocket ??= ws

const { POST } = await import('../../examples/anonymous/route.mjs')
const { signIn, takeAlong } = await import('../../examples/anonymous/signIn.mjs')

const kept = new Map()
globalThis.localStorage = {
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, value) => kept.set(name, value),
  removeItem: (name) => kept.delete(name),
}
const answers = []
let unreachable = false
const real = globalThis.fetch
globalThis.fetch = async (url, options) => {
  if (url !== '/api/merge') return real(url, options)
  if (unreachable) throw new TypeError('fetch failed')
  const answer = await POST(new Request(`http://app.example${url}`, options))
  answers.push({ status: answer.status, ...(await answer.clone().json()) })
  return answer
}

const service = createClient(SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY, { auth, realtime })
const client = () => createClient(SUPABASE_URL, SUPABASE_ANON_KEY, { auth, realtime })
const credentials = { email: `${randomUUID()}@example.com`, password: 'correct horse' }
await client().auth.signUp(credentials)

const browser = client()
const { data } = await browser.auth.signInAnonymously()
const anonymous = data.user.id
await service.rpc('add_tokens', { user_id: anonymous, amount: 7, idempotency_key: randomUUID() })
const { data: order } = await browser.rpc('create_token_order', { product_id: 'starter', gateway: 'portone' })

unreachable = true
await signIn(browser, credentials).catch(() => {})
unreachable = false
await takeAlong(browser) // the page is loaded again
const { data: tokens } = await browser.rpc('get_user_tokens')
const { data: orders } = await browser.from('token_payments').select('order_id')

// Somebody who knows two ids and has one session, and the same call without any.
const { session } = (await browser.auth.getSession()).data
for (const [authorization, anonymousToken] of [
  [`Bearer ${session.access_token}`, session.access_token],
  [`Bearer ${session.access_token}`, anonymous],
  [undefined, data.session.access_token],
]) {
  const headers = authorization ? { authorization } : {}
  await fetch('/api/merge', { method: 'POST', headers, body: JSON.stringify({ anonymousToken }) })
}
console.log(JSON.stringify({
  answers, tokens, moved: orders.map((each) => each.order_id), order: order.order_id, kept: kept.size,
}))
