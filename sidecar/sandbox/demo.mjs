// The whole story against the running stack, as a frontend and its server would live it. Every line
// is read back from the stack and compared; the first that differs ends the demo with exit code 1.
import { isDeepStrictEqual } from 'node:util'
import { createClient } from '@supabase/supabase-js'
import ws from 'ws'

const env = new Proxy(process.env, {
  get: (values, name) => values[name] ?? fail(`${name} is not set: run this with make demo`),
})
const options = { realtime: { transport: ws }, auth: { persistSession: false } }
const buyer = createClient(env.SUPABASE_URL, env.SUPABASE_ANON_KEY, options)
const server = createClient(env.SUPABASE_URL, env.SUPABASE_SERVICE_ROLE_KEY, options)

function fail(message) {
  console.error(`✗ ${message}`)
  process.exit(1)
}

function show(step, seen, expected) {
  const text = JSON.stringify(seen)
  if (!isDeepStrictEqual(seen, expected)) fail(`${step}: ${text}, not ${JSON.stringify(expected)}`)
  console.log(`✓ ${step.padEnd(58)} ${text}`)
}

async function rpc(client, name, args) {
  const { data, error } = await client.rpc(name, args)
  if (error) fail(`${name}: ${error.message} ${error.details ?? ''}`)
  return data
}

async function request(url, { body, token, ...init } = {}) {
  const headers = { 'content-type': 'application/json' }
  if (token) headers.authorization = `Bearer ${token}`
  const answer = await fetch(url, { headers, method: body ? 'POST' : 'GET', body: JSON.stringify(body), ...init })
  const json = await answer.json()
  return { http: answer.status, ...json }
}

const tokens = () => rpc(buyer, 'get_user_tokens')

// --- Spending ---------------------------------------------------------------------------------

const email = `demo-${crypto.randomUUID()}@example.com`
const { data: signUp, error } = await buyer.auth.signUp({ email, password: crypto.randomUUID() })
if (error) fail(`sign up: ${error.message}`)
const person = signUp.user.id
const jwt = signUp.session.access_token
show('sign up: five free tokens', await tokens(), 5)

await rpc(buyer, 'use_feature', { feature: 'question', idempotency_key: crypto.randomUUID() })
show('ask a question: one token', await tokens(), 4)

const hold = () =>
  rpc(server, 'hold_feature_for', { user_id: person, feature: 'answer', idempotency_key: crypto.randomUUID() })

const failing = await hold()
show('start an answer: two tokens are set aside', await tokens(), 2)
await rpc(server, 'release_hold', { hold_id: failing.id })
show('its generation fails: they come back', await tokens(), 4)

await rpc(server, 'capture_hold', { hold_id: (await hold()).id })
show('another answer succeeds: they are spent', await tokens(), 2)

const refused = await buyer.rpc('spend_tokens', { amount: 3, idempotency_key: crypto.randomUUID() })
show(
  'spend more than there is: refused, with the balance',
  [refused.status, refused.error?.message, JSON.parse(refused.error?.details ?? 'null')],
  [402, 'insufficient_tokens', { tokens: 2, required: 3 }],
)

// --- Buying -----------------------------------------------------------------------------------

const checkOut = (packageId) =>
  request(`${env.SIDECAR_URL}/api/payments/checkout`, { body: { packageId }, token: jwt })
const window = (turn) => request(`${env.IAMPORT_API_URL}/_sim/pay`, { body: turn })
const complete = (orderId, impUid) =>
  request(`${env.SIDECAR_URL}/api/payments/complete`, { body: { paymentKey: orderId, impUid } })
const order = async (orderId) =>
  (await request(`${env.SIDECAR_URL}/payment/${orderId}`, { token: jwt })).payment.status

const starter = await checkOut('starter')
show('check out the starter pack', [starter.amount, starter.tokens, starter.name], [5000, 10, 'Starter Pack'])
const paid = await window({ order_id: starter.orderId })
const completed = await complete(starter.orderId, paid.imp_uid)
show('pay in the window, complete: ten tokens', [completed.success, completed.tokens], [true, 10])
show('the balance', await tokens(), 12)

const { deliveries } = await request(`${env.IAMPORT_API_URL}/_sim/webhook`, {
  body: { payment_key: paid.imp_uid, times: 2 },
})
show('the webhook twice more: taken', deliveries.map((delivery) => delivery.status), [200, 200])
const again = await complete(starter.orderId, paid.imp_uid)
show('complete again: success, and no more tokens', [again.success, await tokens()], [true, 12])

const declined = await checkOut('starter')
const decline = await window({ order_id: declined.orderId, outcome: 'failed' })
const unpaid = await complete(declined.orderId, decline.imp_uid)
show(
  'a declined card: no tokens',
  [unpaid.http, unpaid.error, await order(declined.orderId), await tokens()],
  [400, 'Payment not verified', 'failed', 12],
)

const abandoned = await checkOut('standard')
await window({ order_id: abandoned.orderId, outcome: 'abandoned' })
show('a closed window: no tokens', [await order(abandoned.orderId), await tokens()], ['pending', 12])

const tampered = await checkOut('premium')
const cheap = await window({ order_id: tampered.orderId, amount: 100, force: true })
const mismatch = await complete(tampered.orderId, cheap.imp_uid)
show(
  'a tampered amount: for review, not credited',
  [mismatch.http, mismatch.error, await order(tampered.orderId), await tokens()],
  [400, 'Amount mismatch', 'review', 12],
)

// --- By hand, and what history says -----------------------------------------------------------

await rpc(server, 'add_tokens', { user_id: person, amount: 10, idempotency_key: crypto.randomUUID(), reason: 'with our apologies' })
show('ten tokens by hand', await tokens(), 22)

const { data: ledger } = await buyer.from('token_ledger').select('kind, delta, balance').order('seq')
show('history: every step', ledger.map((entry) => [entry.kind, entry.delta, entry.balance]), [
  ['signup_bonus', 5, 5],
  ['spend', -1, 4],
  ['spend', -2, 2],
  ['purchase', 10, 12],
  ['grant', 10, 22],
])
const { payments } = await request(`${env.SIDECAR_URL}/payment/history/me`, { token: jwt })
show('payments: every order', payments.map((payment) => payment.status).reverse(), [
  'completed',
  'failed',
  'pending',
  'review',
])
show('the books add up', await rpc(server, 'verify_ledger', {}), [])
