// The whole story against the running stack, as a frontend and its server would live it. Every line
// is read back from the stack and compared; the first that differs ends the demo with exit code 1.
import { client, env, fail, request, rpc, show, until } from './story.mjs'

const buyer = client(env.SUPABASE_ANON_KEY)
const server = client(env.SUPABASE_SERVICE_ROLE_KEY)

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
await rpc(server, 'release_token_hold', { hold_id: failing.id })
show('its generation fails: they come back', await tokens(), 4)

await rpc(server, 'capture_token_hold', { hold_id: (await hold()).id })
show('another answer succeeds: they are spent', await tokens(), 2)

const refused = await buyer.rpc('spend_tokens', { amount: 3, idempotency_key: crypto.randomUUID() })
show(
  'spend more than there is: refused, with the balance',
  [refused.status, refused.error?.message, JSON.parse(refused.error?.details ?? 'null')],
  [402, 'insufficient_tokens', { tokens: 2, required: 3 }],
)

// --- Buying through PortOne --------------------------------------------------------------------

const sidecar = (path, body, url = env.SIDECAR_URL) => request(url + path, { body, token: jwt })
const play = (gateway, turn, body) => request(`${env.SIMULATORS_URL}/${gateway}/_sim/${turn}`, { body })
const window = (turn) => play('portone-v1', 'pay', turn)
const checkOut = (packageId) => sidecar('/api/payments/checkout', { packageId })
const complete = (paymentKey, impUid) => sidecar('/api/payments/complete', { paymentKey, impUid })
const order = async (orderId) => (await sidecar(`/payment/${orderId}`)).payment.status

const starter = await checkOut('starter')
show('check out the starter pack', [starter.amount, starter.tokens, starter.name], [5000, 10, 'Starter Pack'])
const paid = await window({ order_id: starter.orderId })
const completed = await complete(starter.orderId, paid.imp_uid)
show('pay in the window, complete: ten tokens', [completed.success, completed.tokens], [true, 10])
show('the balance', await tokens(), 12)

const { deliveries } = await play('portone-v1', 'webhook', { payment_key: paid.imp_uid, times: 2 })
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

const account = await checkOut('starter')
const issued = await window({ order_id: account.orderId, outcome: 'awaiting_deposit' })
const waiting = await complete(account.orderId, issued.imp_uid)
show('a virtual account: waiting', [waiting.http, waiting.status, await tokens()], [202, 'awaiting_deposit', 12])
await play('portone-v1', 'deposit', { payment_key: issued.imp_uid })
show('its deposit, told by the webhook: ten tokens', await until(tokens, 22), 22)

await play('portone-v1', 'refund', { payment_key: issued.imp_uid, amount: 2500 })
show('half of it refunded at the console: five tokens back', await until(tokens, 17), 17)
show('the order', await order(account.orderId), 'partially_refunded')

// PortOne V2, by a sidecar that has its keys.
const v2 = (path, body) => sidecar(path, body, env.V2_SIDECAR_URL)
const listen = (url) =>
  request(`${env.SIMULATORS_URL}/portone-v2/_sim/settings`, {
    method: 'PUT',
    body: { url: `${url}/payment/portone/webhook` },
  })
await listen(env.V2_SIDECAR_URL)
const modern = await v2('/api/payments/checkout', { packageId: 'starter' })
await play('portone-v2', 'pay', { order_id: modern.orderId, amount: modern.totalAmount })
const modernDone = await v2('/api/payments/complete', { paymentId: modern.orderId })
await listen(env.SIDECAR_URL)
show('PortOne V2: ten tokens', [modernDone.success, await tokens()], [true, 27])

// --- Toss Payments ----------------------------------------------------------------------------

const toss = () => sidecar('/payment/toss/create', { amount: 5000, orderName: '스타터 팩' })
const agree = (created, turn) =>
  play('toss', 'pay', { order_id: created.orderId, amount: created.amount, ...turn })
const confirm = ({ paymentKey, orderId, amount }) =>
  sidecar('/payment/toss/confirm', { paymentKey, orderId, amount })

const agreed = await agree(await toss())
show('Toss: confirmed, ten tokens', [(await confirm(agreed)).success, await tokens()], [true, 37])
show('Toss: confirmed again, no more', [(await confirm(agreed)).success, await tokens()], [true, 37])

const rejected = await confirm(await agree(await toss(), { outcome: 'failed' }))
show('Toss: a card that is declined', [rejected.http < 500, rejected.success, await tokens()], [true, false, 37])

const promise = await agree(await toss(), { outcome: 'awaiting_deposit' })
const promised = await confirm(promise)
show('Toss: a virtual account', [promised.http, promised.payment.status], [202, 'awaiting_deposit'])
await play('toss', 'deposit', { payment_key: promise.paymentKey })
show('Toss: its deposit, ten tokens', await until(tokens, 47), 47)
await play('toss', 'undo_deposit', { payment_key: promise.paymentKey })
show('Toss: the bank takes it back, and so do we', await until(tokens, 37), 37)

// --- Stripe -----------------------------------------------------------------------------------

const stripe = await sidecar('/payment/stripe/create', { productId: 'starter', currency: 'USD' })
show('Stripe: in dollars', [stripe.amount, stripe.currency], [400, 'USD'])
const pay = (turn) => play('stripe', 'pay', { order_id: stripe.orderId, ...turn })
const card = await pay({ method: '4000000000000002' })
show('Stripe: a decline is an attempt, not an end', [card.status, await tokens()], ['requires_payment_method', 37])
const challenge = await pay({ method: 'pm_card_authenticationRequired' })
show('Stripe: 3-D Secure asks the buyer', challenge.status, 'requires_action')
const intent = (await pay({ outcome: 'paid' })).payment_intent
show('Stripe: passed, told by the signed webhook', await until(tokens, 47), 47)
await play('stripe', 'refund', { payment_key: intent, amount: 100 })
show('Stripe: a quarter refunded, two tokens back', await until(tokens, 45), 45)

// --- Tokens that expire -----------------------------------------------------------------------

await rpc(server, 'coinslot_set_product', {
  id: 'week',
  name: 'Week Pack',
  name_ko: '일주일 팩',
  tokens: 10,
  prices: { KRW: 4000 },
  tokens_last_days: 7,
})
const week = await checkOut('week')
const weekPaid = await window({ order_id: week.orderId })
await complete(week.orderId, weekPaid.imp_uid)
await rpc(server, 'coinslot_remove_product', { id: 'week' })
show('a pack whose tokens last a week: ten tokens', await tokens(), 55)

const day = (time) => new Date(time).toISOString().slice(0, 10)
const [soonest, ...others] = await rpc(buyer, 'list_token_lots')
show(
  'until when: used first, and gone after a week',
  [soonest.tokens, day(soonest.expires_at)],
  [10, day(Date.parse(soonest.created_at) + 7 * 86_400_000)],
)
show('the other tokens never expire', others.filter((lot) => lot.expires_at !== null), [])

// --- What is given, and what is cheaper -------------------------------------------------------

const rule = { id: 'demo', tokens: 3, every: 'month', time_zone: 'Asia/Seoul', mode: 'replace', group_name: 'demo' }
await rpc(server, 'coinslot_set_refill', rule)
await rpc(server, 'set_token_group_for', { user_id: person, group_name: 'demo' })
show('a monthly refill for a group: three tokens', await tokens(), 58)
await rpc(buyer, 'use_feature', { feature: 'question', idempotency_key: crypto.randomUUID() })
show('the next use writes it down', await tokens(), 57)

const codeOf = async (promotion, terms) => {
  await rpc(server, 'coinslot_set_promotion', { id: promotion, terms: { ...terms, active: true } })
  return (await rpc(server, 'coinslot_make_codes', { promotion, number: 1 }))[0]
}
const gift = await codeOf('demo_gift', { kind: 'tokens', tokens: 8 })
const redeem = (code) => rpc(buyer, 'redeem_token_code', { code, idempotency_key: crypto.randomUUID() })
const redeemed = await redeem(` ${gift.toLowerCase()}`)
show('a code, in small letters: eight tokens', [redeemed.outcome, await tokens()], ['redeemed', 65])
show('the same code again', [(await redeem(gift)).outcome, await tokens()], ['used', 65])

await rpc(server, 'coinslot_set_tiers', { product_id: 'starter', tiers: { 2: 10 } })
const half = await codeOf('demo_half', { kind: 'percent', percent_off: 50 })
const wish = { product_id: 'starter', gateway: 'portone', quantity: 2 }
const quote = await rpc(buyer, 'check_token_code', { code: half, ...wish })
show('two packs for 10 % less, halved by a code', [quote.list_amount, quote.amount], [10000, 4500])
const pair = await sidecar('/api/payments/checkout', { packageId: 'starter', quantity: 2, promoCode: half })
show('check both out', [pair.amount, pair.tokens, pair.name], [4500, 20, 'Starter Pack × 2'])
const pairPaid = await window({ order_id: pair.orderId })
await complete(pair.orderId, pairPaid.imp_uid)
show('pay that: twenty tokens', await tokens(), 85)
await rpc(server, 'coinslot_set_tiers', { product_id: 'starter', tiers: {} })

const { code } = await rpc(buyer, 'get_token_invitation')
const friend = client(env.SUPABASE_ANON_KEY)
const joined = await friend.auth.signUp({ email: `friend-${email}`, password: crypto.randomUUID() })
if (joined.error) fail(`sign up: ${joined.error.message}`)
show('invite somebody', await rpc(friend, 'accept_token_invitation', { code }), 'accepted')
const token = joined.data.session.access_token
const first = await request(`${env.SIDECAR_URL}/api/payments/checkout`, { body: { packageId: 'starter' }, token })
const firstPaid = await window({ order_id: first.orderId })
await complete(first.orderId, firstPaid.imp_uid)
const both = async () => {
  await rpc(server, 'coinslot_run_maintenance', {}) // the sidecar may be at it: then this does nothing
  return [await tokens(), await rpc(friend, 'get_user_tokens')]
}
show('their first purchase rewards both', await until(both, [105, 25]), [105, 25])
for (const id of ['demo_gift', 'demo_half']) await rpc(server, 'coinslot_set_promotion', { id, terms: { active: false } })

// --- By hand, and what history says -----------------------------------------------------------

await rpc(server, 'add_tokens', { user_id: person, amount: 10, idempotency_key: crypto.randomUUID(), reason: 'with our apologies' })
show('ten tokens by hand', await tokens(), 115)

const rows = async (table, columns) => (await buyer.from(table).select(columns).throwOnError()).data
const papers = await rows('token_documents', 'number,kind,amount')
const documented = papers.reduce((sum, { kind, amount }) => sum + (kind === 'receipt' ? amount : -amount), 0)
const mine = await rows('token_payments', 'paid,refunded,withdrawn')
const kept = mine.reduce((sum, { paid, refunded, withdrawn }) => sum + paid - refunded - withdrawn, 0)
show('receipts less credit notes: the money that stayed', documented, kept)
const paper = await fetch(`${env.SIDECAR_URL}/documents/${papers[0].number}`, { headers: { Authorization: `Bearer ${jwt}` } })
show('one as a page', [paper.status, (await paper.text()).includes(papers[0].number)], [200, true])

const { data: ledger } = await buyer.from('token_ledger').select('kind, delta, balance').order('seq')
show('history: every step', ledger.map((entry) => [entry.kind, entry.delta, entry.balance]), [
  ['signup_bonus', 5, 5],
  ['spend', -1, 4],
  ['spend', -2, 2],
  ['purchase', 10, 12],
  ['purchase', 10, 22],
  ['refund', -5, 17],
  ['purchase', 10, 27],
  ['purchase', 10, 37],
  ['purchase', 10, 47],
  ['refund', -10, 37],
  ['purchase', 10, 47],
  ['refund', -2, 45],
  ['purchase', 10, 55],
  ['refill', 3, 58],
  ['spend', -1, 57],
  ['promotion', 8, 65],
  ['purchase', 20, 85],
  ['referral', 20, 105],
  ['grant', 10, 115],
])
const { payments } = await sidecar('/payment/history/me')
const shown = payments.map((payment) => `${payment.payment_method} ${payment.status}`)
show('payments: every order', shown.reverse(), [
  'portone completed',
  'portone failed',
  'portone pending',
  'portone review',
  'portone partially_refunded',
  'portone completed',
  'toss completed',
  'toss failed',
  'toss awaiting_deposit',
  'stripe partially_refunded',
  'portone completed',
  'portone completed',
])
show('the books add up', await rpc(server, 'coinslot_verify_ledger', {}), [])
