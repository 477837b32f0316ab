// Coinslot through an unmodified supabase-js, as a frontend uses it, and as somebody misuses it.
// SURFACE (JSON) says what there is to misuse.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { createClient } from '@supabase/supabase-js'
import ws from 'ws'

const { SUPABASE_URL, SUPABASE_ANON_KEY, SUPABASE_SERVICE_ROLE_KEY, SURFACE } = process.env
const { catalogue, own, userRpcs, serviceRpcs } = JSON.parse(SURFACE)
const REFUSED = '42501'

const connect = (key = SUPABASE_ANON_KEY) =>
  createClient(SUPABASE_URL, key, {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: ws },
  })

async function signUp() {
  const client = connect()
  const credentials = { email: `${randomUUID()}@example.com`, password: 'correct horse' }
  const { data, error } = await client.auth.signUp(credentials)
  assert.equal(error, null)
  return Object.assign(client, { userId: data.user.id })
}

async function rows(query) {
  const { data, error } = await query
  assert.equal(error, null, JSON.stringify(error))
  return data
}

async function refused(query, status, code, what) {
  const answer = await query
  assert.deepEqual([answer.status, answer.error?.code, answer.data], [status, code, null], what)
  return answer.error
}

// Writes and calls that fail on privileges, before they would fail on values.
const nulls = (names) => Object.fromEntries(names.map((name) => [name, null]))
const spend = (client, amount, idempotency_key) =>
  client.rpc('spend_tokens', { amount, idempotency_key })
const balance = (client) => rows(client.rpc('get_user_tokens'))

test('signing up gives 5 tokens, however they are read', async () => {
  const client = await signUp()
  assert.equal(await balance(client), 5)
  assert.deepEqual(await rows(client.from('token_wallets').select('tokens, held')), [
    { tokens: 5, held: 0 },
  ])
  assert.deepEqual(await rows(client.from('profiles').select('tokens').single()), { tokens: 5 })
})

test('signing in again finds the same wallet', async () => {
  const email = `${randomUUID()}@example.com`
  await connect().auth.signUp({ email, password: 'correct horse' })
  const client = connect()
  const { error } = await client.auth.signInWithPassword({ email, password: 'correct horse' })
  assert.equal(error, null)
  await rows(spend(client, 1, 'one'))
  assert.equal(await balance(client), 4)
})

test('spending answers the entry, and its replay the same one', async () => {
  const client = await signUp()
  const first = await rows(spend(client, 2, 'click'))
  assert.deepEqual(
    [first.user_id, first.seq, first.kind, first.delta, first.balance, first.replayed],
    [client.userId, 2, 'spend', -2, 3, false],
  )
  assert.deepEqual(await rows(spend(client, 2, 'click')), { ...first, replayed: true })
  assert.equal(await balance(client), 3)
})

test('a key that was used for another amount is refused', async () => {
  const client = await signUp()
  await rows(spend(client, 2, 'click'))
  const error = await refused(spend(client, 1, 'click'), 409, 'PT409')
  assert.equal(error.message, 'idempotency_key_reused')
  assert.equal(await balance(client), 3)
})

test('a feature costs what its price list says', async () => {
  const client = await signUp()
  for (const { feature, tokens } of await rows(connect().from('token_features').select())) {
    const entry = await rows(client.rpc('use_feature', { feature, idempotency_key: feature }))
    assert.deepEqual([entry.feature, entry.delta], [feature, -tokens])
  }
})

test('overspending is a 402 that says what there is and what it takes', async () => {
  const client = await signUp()
  await rows(spend(client, 3, 'first'))
  const error = await refused(spend(client, 4, 'second'), 402, 'PT402')
  assert.equal(error.message, 'insufficient_tokens')
  assert.deepEqual(JSON.parse(error.details), { tokens: 2, required: 4 })
  assert.equal(await balance(client), 2)
})

test('history is paged by seq, newest first, each entry once', async () => {
  const client = await signUp()
  for (const key of ['a', 'b', 'c', 'd']) await rows(spend(client, 1, key))
  const pages = []
  for (let before = Number.MAX_SAFE_INTEGER; pages.at(-1)?.length !== 0; ) {
    const page = client.from('token_ledger').select('seq, delta, balance').lt('seq', before)
    pages.push(await rows(page.order('seq', { ascending: false }).limit(2)))
    before = pages.at(-1).at(-1)?.seq
  }
  assert.deepEqual(pages.map((page) => page.map(({ seq }) => seq)), [[5, 4], [3, 2], [1], []])
  assert.deepEqual(pages.flat().map(({ balance }) => balance), [1, 2, 3, 4, 5])
})

test('anybody sees what is on sale', async () => {
  const offers = connect().from('token_offers').select('id, tokens, amount, discount_percent')
  const packs = offers.eq('currency', 'KRW').eq('kind', 'token_pack').order('tokens')
  assert.deepEqual(await rows(packs), [
    { id: 'starter', tokens: 10, amount: 5000, discount_percent: 0 },
    { id: 'standard', tokens: 30, amount: 12000, discount_percent: 20 },
    { id: 'premium', tokens: 100, amount: 35000, discount_percent: 30 },
  ])
})

test('an order is made at the catalogue price and can be called off', async () => {
  const client = await signUp()
  const arguments_ = { product_id: 'starter', gateway: 'portone', idempotency_key: 'click' }
  const order = await rows(client.rpc('create_token_order', arguments_))
  assert.deepEqual([order.amount, order.currency, order.status], [5000, 'KRW', 'pending'])
  assert.equal((await rows(client.rpc('create_token_order', arguments_))).id, order.id)
  const canceled = await rows(client.rpc('cancel_token_order', { order_id: order.order_id }))
  assert.equal(canceled.status, 'canceled')
})

// As the sidecar does: an order is paid, and its money asked back.
async function beRefunded(client) {
  const order = await rows(client.rpc('create_token_order', { product_id: 'starter', gateway: 'portone' }))
  const { order_id, amount, currency, live, version } = order
  const fact = { payment_key: order_id, state: 'paid', paid: amount, source: 'webhook' }
  const service = connect(SUPABASE_SERVICE_ROLE_KEY)
  await rows(
    service.rpc('coinslot_apply_gateway_payment', {
      ...fact, order_id, amount, currency, live, version, gateway: 'portone',
    }),
  )
  await rows(service.rpc('request_token_refund_for', { order_id, reason: 'why', idempotency_key: 'k' }))
}

// As the sidecar does: a card is stored, and somebody subscribes.
async function subscribe(client) {
  const service = connect(SUPABASE_SERVICE_ROLE_KEY)
  const plan = { id: 'plus', every: 'month', name: 'Plus', tokens: 300, prices: { KRW: 9900, USD: 790 } }
  await rows(service.rpc('coinslot_set_plan', plan))
  await rows(service.rpc('coinslot_set_unattended', { gateway: 'portone', unattended: 'periodic' }))
  const { id: method_id } = await rows(client.rpc('begin_token_method', { gateway: 'portone' }))
  await rows(service.rpc('coinslot_finish_method', { method_id, sealed: 'sealed', key_hash: method_id }))
  await rows(
    client.rpc('subscribe_token_plan', { plan_id: 'plus', gateway: 'portone', currency: 'KRW', method_id }),
  )
}

// Of an order that is yet to be paid.
async function askForReceipt(client) {
  const { order_id } = await rows(client.rpc('create_token_order', { product_id: 'starter', gateway: 'portone' }))
  const asked = { order_id, kind: 'income_deduction', number: '01012345678' }
  await rows(client.rpc('request_token_cash_receipt', asked))
}

test("nobody reads another's rows, in any table", async () => {
  const [victim, stranger] = [await signUp(), await signUp()]
  await beRefunded(victim)
  await subscribe(victim)
  await askForReceipt(victim)
  for (const { name, owner } of own) {
    const theirs = (client) => client.from(name).select().eq(owner, victim.userId)
    assert.notEqual((await rows(theirs(victim))).length, 0, `nothing to protect in ${name}`)
    assert.deepEqual(await rows(theirs(stranger)), [], name)
    const all = await rows(stranger.from(name).select())
    assert.ok(all.every((row) => row[owner] === stranger.userId), name)
    await refused(theirs(connect()), 401, REFUSED, name)
  }
})

test("a made-up profile shows nobody's balance", async () => {
  const [victim, stranger] = [await signUp(), await signUp()]
  const profile = { id: victim.userId }
  assert.equal(await rows(victim.rpc('tokens', { profile })), 5)
  assert.equal(await rows(stranger.rpc('tokens', { profile })), null)
})

test('nobody writes a table, signed in or not', async () => {
  const [client, anybody] = [await signUp(), connect()]
  for (const { name, columns, is_view } of [...catalogue, ...own]) {
    const row = nulls(columns)
    for (const [who, status] of [[client, 403], [anybody, 401]]) {
      const table = who.from(name)
      const writes = {
        insert: table.insert(row),
        upsert: table.upsert(row),
        update: table.update(row).not(columns[0], 'is', null),
        delete: table.delete().not(columns[0], 'is', null),
      }
      for (const [verb, write] of Object.entries(writes)) {
        const { error, ...answer } = await write
        if (is_view) assert.ok([REFUSED, '55000'].includes(error?.code), `${verb} ${name}`)
        else assert.deepEqual([answer.status, error?.code], [status, REFUSED], `${verb} ${name}`)
      }
    }
  }
  assert.equal(await balance(client), 5)
})

test('nobody calls what is for the service', async () => {
  const client = await signUp()
  for (const { name, parameters } of serviceRpcs) {
    const forMe = parameters.includes('user_id') ? { user_id: client.userId } : {}
    await refused(client.rpc(name, { ...nulls(parameters), ...forMe }), 403, REFUSED, name)
  }
  assert.equal(await balance(client), 5)
})

test('whoever is not signed in calls nothing', async () => {
  for (const { name, parameters } of [...userRpcs, ...serviceRpcs]) {
    await refused(connect().rpc(name, nulls(parameters)), 401, REFUSED, name)
  }
})

test('the internal schema is out of reach', async () => {
  const client = await signUp()
  const internals = client.schema('coinslot')
  await refused(internals.from('token_holds').select(), 406, 'PGRST106')
  await refused(internals.from('settings').update({ signup_bonus: 9 }).eq('id', true), 406, 'PGRST106')
  await refused(internals.rpc('add_tokens', { user_id: client.userId }), 406, 'PGRST106')
  const hidden = client.from('token_holds').select()
  assert.equal((await hidden).status, 404)
})
