// Somebody subscribes; a month later they are charged again; they cancel. `node demo_plans.mjs begin`
// tells the beginning and `go_on` the rest: between the two the demo has a month pass.
import { client, env, fail, request, rpc, show, until } from './story.mjs'

const buyer = client(env.SUPABASE_ANON_KEY)
const server = client(env.SUPABASE_SERVICE_ROLE_KEY)
const person = { email: env.DEMO_EMAIL, password: env.DEMO_PASSWORD }
const begins = process.argv[2] === 'begin'

const { data, error } = await (begins ? buyer.auth.signUp(person) : buyer.auth.signInWithPassword(person))
if (error) fail(`sign in: ${error.message}`)
const token = data.session.access_token

const billing = (path, body = {}) => request(`${env.SIDECAR_URL}/billing/${path}`, { body, token })
const mine = async () => (await rpc(buyer, 'list_token_subscriptions'))[0]
const charged = async () => (await buyer.from('token_payments').select('amount').gt('paid', 0).throwOnError()).data.length

if (begins) await subscribe()
else await goOn()

async function subscribe() {
  const { data: plans } = await buyer.from('token_plan_offers').select('id, amount').eq('currency', 'KRW').order('tokens').throwOnError()
  show('plans on sale', plans.slice(0, 2), [{ id: 'plus', amount: 9900 }, { id: 'pro', amount: 24_900 }])
  const { method_id: methodId, browser } = await billing('methods', { gateway: 'toss' })
  const { http, ...carried } = await request(`${env.SIMULATORS_URL}/toss/_sim/register`, { body: { customer: browser.customerKey } })
  const { method } = await billing(`methods/${methodId}/stored`, { carried })
  show('store a card in the window', [http, method.status, method.brand], [200, 'active', '신한'])
  const wish = { planId: 'plus', gateway: 'toss', currency: 'KRW', methodId, consent: { text: 'demo-1', locale: 'ko' } }
  const { success, subscription } = await billing('subscriptions', wish)
  show('subscribe: the first month is charged', [success, subscription.amount], [true, 9900])
  show('its tokens', await rpc(buyer, 'get_user_tokens'), 305)
  const again = await billing('subscriptions', wish)
  show('subscribe again: refused', [again.http, again.code], [409, 'already_subscribed'])
}

async function goOn() {
  const { id } = await mine()
  await billing(`subscriptions/${id}/charge`)
  show('a month later: the next one is charged', await until(charged, 2), 2)
  const renewed = await mine()
  show('and it goes on', [renewed.status, Date.parse(renewed.period_end) > Date.now()], ['active', true])
  const quote = await rpc(buyer, 'quote_token_plan', { subscription_id: id, plan_id: 'pro' })
  show('a dearer plan, for the rest of the month', [quote.at_once, quote.amount < 24_900 - 9900], [true, true])
  await rpc(buyer, 'cancel_token_subscription', { subscription_id: id })
  const canceled = await mine()
  show('cancel: it runs until its period ends', [canceled.status, canceled.cancel_at_end, canceled.next_charge_at], ['active', true, null])
  await rpc(buyer, 'resume_token_subscription', { subscription_id: id })
  show('take that back', (await mine()).cancel_at_end, false)
  await rpc(buyer, 'cancel_token_subscription', { subscription_id: id })
  show('cancel all the same: nothing more is charged', [(await mine()).cancel_at_end, await charged()], [true, 2])
  show('the books add up', await rpc(server, 'coinslot_verify_ledger', {}), [])
}
