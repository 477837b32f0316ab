// Scenes of plans, over the answers of a database and a sidecar: `node … NAME` prints what one answers.
import { config } from '../../sidecar/web/client.js'
import { question, resumed } from '../../sidecar/web/elements/plan-dialogs.js'
import { addPlanTexts, nextDay, trialEnd } from '../../sidecar/web/elements/plan-words.js'
import { actionsOf, banners, stateOf } from '../../sidecar/web/elements/subscribed.js'
import { begin, subscribe } from '../../sidecar/web/subscribing.js'
import { call, mayTry, placesIn, refusal } from '../../sidecar/web/subscriptions.js'
import { setLocale } from '../../sidecar/web/text.js'

setLocale('en')
addPlanTexts()
const token = `x.${btoa(JSON.stringify({ sub: 'mina' }))}.x`
const calls = []
let subscriptions = []
let events = []
let posts = () => ({ status: 503, body: {} })
let rpc = () => ({ data: null })
const rows = () => {
  const query = Promise.resolve({ data: events })
  for (const name of ['select', 'eq', 'order', 'limit', 'in', 'throwOnError']) query[name] = () => query
  return query
}
Object.assign(config, {
  accessToken: async () => token,
  subscriptions: [{ currency: 'KRW', gateway: 'a' }, { currency: 'KRW', gateway: 'b' }, { currency: 'USD', gateway: 'b' }],
  supabase: {
    from: rows,
    rpc(name, values) {
      const lists = { list_token_subscriptions: subscriptions, list_token_methods: [] }
      if (!(name in lists)) calls.push([name, values])
      const answer = Promise.resolve(name in lists ? { data: lists[name], error: null, status: 200 } : rpc(name))
      return Object.assign(answer, { throwOnError: () => answer })
    },
  },
})
globalThis.fetch = async (path, { body }) => {
  calls.push([path, body && JSON.parse(body)])
  const { status, body: told } = posts(path)
  if (!status) throw new TypeError('no network')
  return { status, json: async () => told }
}

const plus = { id: 's1', plan_id: 'plus', family: 'main', gateway: 'a', currency: 'KRW', status: 'active', needs: null, method: { id: 'm1' } }
const wish = { planId: 'plus', family: 'main', gateway: 'a', currency: 'KRW', methodId: 'm1', consent: { text: 'v' } }
const page = { onWindow() {} }
const event = (id, name, detail = {}) => ({ id, event: name, detail })
const paid = (path) => {
  if (path.endsWith('/subscriptions') || path.endsWith('/charge')) {
    subscriptions = [plus]
    events = [event(9, 'started')]
  }
  return { status: 200, body: { success: true, subscription: plus } }
}
const paths = () => calls.map(([path]) => path)

const scenes = {
  async days() {
    return [[2027, 0, 31], [2028, 0, 31], [2027, 1, 14]].map(([year, month, day]) => nextDay({ every: 'month' }, new Date(year, month, day, 12)))
      .concat(nextDay({ every: 'year' }, new Date(2028, 1, 29, 12)))
  },
  async hours() {
    const plan = { every: 'month', charge_hours: { time_zone: 'Asia/Seoul', until: 20 } }
    return ['2027-01-14T10:59:00Z', '2027-01-14T11:00:00Z', '2027-01-31T11:00:00Z'].map((at) => nextDay(plan, new Date(at)))
      .concat(['2027-01-14T10:59:00Z', '2027-01-14T11:00:00Z'].map((at) => trialEnd({ ...plan, trial_days: 7 }, new Date(at))))
  },
  async places() {
    return [placesIn('KRW'), placesIn('KRW', 'b'), placesIn('EUR')].map((all) => all.map(({ gateway }) => gateway))
  },
  async refusals() {
    const answers = [[401, ''], [409, 'already_subscribed'], [400, 'invalid_argument'], [500, ''], [0, 'unreachable'], [408, '']]
    return answers.map(([status, code]) => refusal({ status, code }).what)
  },
  async limited() {
    rpc = () => ({ error: { message: 'too_many_orders', details: '{"retry_after": 420}' }, status: 429 })
    return call('pay_token_subscription', {})
  },
  async made() {
    posts = paid
    const { what } = await subscribe(wish, page)
    return { what, paths: paths(), body: calls[0][1] }
  },
  async declined() {
    posts = () => {
      subscriptions = [{ ...plus, status: 'incomplete' }]
      events = [event(5, 'declined', { class: 'soft', reason: 'limit_or_balance' }), event(4, 'subscribed')]
      return { status: 200, body: { subscription: subscriptions[0] } }
    }
    const { what, reason } = await subscribe(wish, page)
    return { what, reason }
  },
  // The answer was lost, and the subscription was made: nothing is made twice.
  async lost() {
    let asked = 0
    posts = (path) => {
      asked += 1
      paid(path)
      return { status: 0 }
    }
    const { what } = await subscribe(wish, page)
    return { what, asked }
  },
  async had() {
    subscriptions = [plus]
    return { ...(await subscribe(wish, page)), paths: paths() }
  },
  // Nobody knows yet if the first one was paid: another card is not charged beside it.
  async unknown() {
    subscriptions = [{ ...plus, status: 'incomplete' }]
    events = [event(4, 'subscribed')]
    posts = paid
    const { what } = await begin({ ...wish, methodId: 'm2' }, page)
    return { what, paths: paths() }
  },
  async another_card() {
    subscriptions = [{ ...plus, status: 'incomplete' }]
    events = [event(5, 'declined', { class: 'hard', reason: 'expired_card' })]
    posts = paid
    const { what } = await begin({ ...wish, methodId: 'm2' }, page)
    return { what, paths: paths() }
  },
  // Who agreed to a trial is charged nothing for what they began before.
  async tries() {
    subscriptions = [{ ...plus, status: 'incomplete' }]
    events = [event(5, 'declined', { class: 'hard', reason: 'expired_card' })]
    posts = () => {
      subscriptions = [{ ...plus, status: 'trialing', trial: 'asked' }]
      events = [event(9, 'trial_started')]
      return { status: 200, body: { success: true, subscription: subscriptions[0] } }
    }
    const { what, subscription } = await begin({ ...wish, trial: 'asked' }, page)
    return { what, status: subscription.status, paths: paths(), trial: calls.at(-1)[1].trial }
  },
  async tries_unknown() {
    subscriptions = [{ ...plus, status: 'incomplete' }]
    events = [event(4, 'subscribed')]
    posts = paid
    const { what } = await begin({ ...wish, trial: 'asked' }, page)
    return { what, paths: paths() }
  },
  async may_try() {
    const plan = { family: 'main', trial_days: 7 }
    return [mayTry(plan, []), mayTry({ ...plan, trial_days: 0 }, []), mayTry(plan, [{ family: 'main', trial: 'over' }]),
      mayTry(plan, [{ family: 'main', trial: null }, { family: 'side', trial: 'over' }])]
  },
  async another_plan() {
    subscriptions = [{ ...plus, status: 'incomplete' }]
    events = [event(5, 'declined', { class: 'hard', reason: 'expired_card' })]
    posts = paid
    const { what } = await begin({ ...wish, planId: 'pro' }, page)
    return { what, paths: paths() }
  },
  async another_price() {
    subscriptions = [{ ...plus, status: 'incomplete', amount: 9900 }]
    events = [event(5, 'declined', { class: 'hard', reason: 'expired_card' })]
    posts = paid
    const { what } = await begin({ ...wish, consent: { text: 'v', amount: 8900 } }, page)
    return { what, paths: paths() }
  },
  async told_ahead() {
    const one = { ...plus, amount: 9900, every: 'month', period_end: '2030-02-01T00:00:00Z', next_charge_at: '2030-02-01T00:00:00Z' }
    const [past, later] = [-1000, 60_000].map((ms) => new Date(Date.now() + ms).toISOString())
    return [past, later, null].map((from) => banners({ ...one, renewal_told_at: from }).length)
  },
  // With the plan that was chosen before the pause, whose price is agreed to.
  async resumed() {
    const one = { ...plus, status: 'paused', every: 'month', amount: 9900, currency: 'KRW', tokens: 300, period_end: '2030-02-01T00:00:00Z' }
    const next = { plan_id: 'year', name: 'Pro', name_ko: 'Pro', every: 'year', amount: 249_000, currency: 'KRW', tokens: 12_000 }
    return [{}, { next }].map((chosen) => {
      const { text, yes } = question('resume', { ...one, ...chosen })
      return [text, yes, resumed({ ...one, ...chosen }).amount]
    })
  },
  async actions() {
    const shown = {
      active: {}, canceling: { cancel_at_end: true }, pausing: { pause_at_end: true }, changing: { next_plan_id: 'pro' },
      paused: { status: 'paused' }, paused_changing: { status: 'paused', next_plan_id: 'pro' }, past_due: { status: 'past_due' }, no_card: { status: 'past_due', needs: 'method' },
      bank: { status: 'past_due', needs: 'authentication' }, asked: { status: 'trialing', trial: 'asked' },
      agreed: { status: 'trialing', trial: 'agreed' }, dearer: { price: { amount: 1, answer: null } }, yes: { price: { amount: 1, answer: 'agreed' } },
      no: { price: { amount: 1, answer: 'declined' } }, left: { status: 'trialing', trial: 'asked', cancel_at_end: true }, ended: { status: 'ended' },
    }
    return Object.fromEntries(Object.entries(shown).map(([name, given]) => {
      const one = { ...plus, ...given }
      return [name, [stateOf(one), ...actionsOf(one)]]
    }))
  },
}
console.log(JSON.stringify(await scenes[process.argv[2]]()))
process.exit(0)
