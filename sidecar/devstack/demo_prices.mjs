// Somebody tries a plan and goes on after the trial; then its price is to rise, and they are asked.
// `node demo_prices.mjs try`, `raise` and `answer`: in between the demo has time pass.
import { client, env, fail, request, rpc, show, until } from './story.mjs'

const PLAN = 'taster'
const buyer = client(env.SUPABASE_ANON_KEY)
const server = client(env.SUPABASE_SERVICE_ROLE_KEY)
const person = { email: env.DEMO_EMAIL, password: env.DEMO_PASSWORD }
const act = process.argv[2]

const { data, error } = await (act === 'try' ? buyer.auth.signUp(person) : buyer.auth.signInWithPassword(person))
if (error) fail(`sign in: ${error.message}`)
const token = data.session.access_token

const billing = (path, body = {}) => request(`${env.SIDECAR_URL}/billing/${path}`, { body, token })
const mine = async () => (await rpc(buyer, 'list_token_subscriptions'))[0]
const paid = async () => (await buyer.from('token_payments').select('amount').gt('paid', 0).order('created_at').throwOnError()).data.map(({ amount }) => amount)
const costs = (amount) => rpc(server, 'coinslot_set_plan', {
  id: PLAN, every: 'month', name: 'Taster', name_ko: '맛보기', tokens: 300, prices: { KRW: amount }, family: 'tasted', trial_days: 14, trial_tokens: 30,
})

await { try: tries, raise: raises, answer: answers }[act]()

async function tries() {
  await costs(9900)
  const { method_id: methodId, browser } = await billing('methods', { gateway: 'toss' })
  const { http, ...carried } = await request(`${env.SIMULATORS_URL}/toss/_sim/register`, { body: { customer: browser.customerKey } })
  const { method } = await billing(`methods/${methodId}/stored`, { carried })
  show('a card for a trial', [http, method.status], [200, 'active'])
  const wish = { planId: PLAN, gateway: 'toss', currency: 'KRW', methodId, consent: { text: 'demo-1', locale: 'ko' }, trial: 'asked' }
  const { subscription } = await billing('subscriptions', wish)
  show('the trial begins: nothing is charged', [subscription.status, await paid()], ['trialing', []])
  show('its tokens', await rpc(buyer, 'get_user_tokens'), 35)
  show('nothing will be charged without a yes', (await mine()).next_charge_at, null)
  await rpc(buyer, 'answer_token_price', { subscription_id: subscription.id, agrees: true, amount: 9900, consent: { text: 'demo-2' } })
  show('yes to the price after it', (await mine()).trial, 'agreed')
}

async function raises() {
  const { id } = await mine()
  await billing(`subscriptions/${id}/charge`)
  show('two weeks later: the first month is charged', await until(async () => (await paid()).length, 1), 1)
  await costs(11_900)
  const { amount, subscriptions } = await rpc(server, 'coinslot_propose_price', { plan_id: PLAN, currency: 'KRW' })
  show('a higher price is proposed', [amount, subscriptions], [11_900, 1])
  show('who has subscribed still pays', (await mine()).amount, 9900)
}

async function answers() {
  await rpc(server, 'coinslot_run_maintenance', {})
  const { id, price } = await mine()
  show('ten days before the next month they are asked', [price.amount, price.answer], [11_900, null])
  const told = await buyer.rpc('answer_token_price', { subscription_id: id, agrees: true, amount: 9900 })
  show('a yes to another price is none', [told.status, told.error.message], [409, 'changed_meanwhile'])
  await rpc(buyer, 'answer_token_price', { subscription_id: id, agrees: true, amount: 11_900, consent: { text: 'demo-3' } })
  show('a yes to this one', (await mine()).price.answer, 'agreed')
  await rpc(buyer, 'answer_token_price', { subscription_id: id, agrees: false })
  const { next_charge_at: next, price: { answer } } = await mine()
  show('and a no after all: it ends with this month', [answer, next], ['declined', null])
  show('nothing more was charged', await paid(), [9900])
  await rpc(server, 'coinslot_withdraw_price', { plan_id: PLAN, currency: 'KRW' })
  await rpc(server, 'coinslot_remove_plan', { id: PLAN })
  show('the books add up', await rpc(server, 'coinslot_verify_ledger', {}), [])
}
