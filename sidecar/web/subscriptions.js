// What is known of plans, stored methods and subscriptions, and what is asked of the database.

import { announce, config, inTheNameOf, session, tellEverybody, tellOthers } from './client.js'

const OFFERED = 'id,family,every,name,name_ko,tokens,rollover,rollover_cap,currency,amount,trial_days,trial_tokens,trial_asks,charge_hours'
const EVENT = 'id,event,to_status,detail,created_at'
const PAYMENT = 'order_id,name,name_ko,amount,currency,status,refunded,paid'
const MOST_EVENTS = 100
const BY_MESSAGE = {
  already_subscribed: 'have',
  trial_not_offered: 'tried',
  plan_not_found: 'gone',
  changed_meanwhile: 'repriced',
  subscription_state: 'changed',
  subscription_not_found: 'changed',
  method_not_found: 'method_gone',
  method_in_use: 'method_used',
  too_many_orders: 'too_soon',
  too_many_methods: 'too_many',
  top_up_barred: 'barred',
  not_unattended: 'off',
  gateway_off: 'off',
  secret_keys_missing: 'off',
  method_taken: 'method_taken',
  method_not_stored: 'not_stored',
  account_required: 'signed_out',
  wallet_merged: 'signed_out',
}

/** Where a stored method may be charged in that currency; of one gateway only, if that is asked for. */
export const placesIn = (currency, only) =>
  (config.subscriptions ?? []).filter((each) => each.currency === currency && (!only || each.gateway === only))

export const currenciesOf = (only) =>
  [...new Set((config.subscriptions ?? []).filter(({ gateway }) => !only || gateway === only).map(({ currency }) => currency))]

/** Months before years, the smaller before the larger. */
export async function readPlans() {
  const { data } = await config.supabase.from('token_plan_offers').select(OFFERED)
    .order('every').order('tokens').order('id').throwOnError()
  return data
}

/** `{subscriptions, methods}` of the person; null where nobody is signed in. */
export async function readOwn() {
  const who = await session()
  if (!who) return null
  const asked = ['list_token_subscriptions', 'list_token_methods']
    .map((name) => inTheNameOf(who, config.supabase.rpc(name).throwOnError()))
  const [subscriptions, methods] = await Promise.all(asked)
  return { subscriptions: subscriptions.data, methods: methods.data }
}

export const isOpen = ({ status }) => status !== 'ended'

/** A person has one trial in a family. Whose card has had one, the database says. */
export const mayTry = ({ trial_days: days, family }, subscriptions) =>
  days > 0 && !subscriptions.some((each) => each.family === family && each.trial)

/** What happened to a subscription, newest first, each with its payment where there was one. */
export async function readHistory(id) {
  const events = await latest(id, MOST_EVENTS)
  const orders = [...new Set(events.map(({ detail }) => detail.order_id).filter(Boolean))]
  const { data } = orders.length
    ? await config.supabase.from('token_payments').select(PAYMENT).in('order_id', orders).throwOnError()
    : { data: [] }
  return events.map((each) => ({ ...each, payment: data.find(({ order_id: order }) => order === each.detail.order_id) }))
}

export async function latest(id, count = 5) {
  const { data } = await config.supabase.from('token_subscription_events').select(EVENT)
    .eq('subscription_id', id).order('id', { ascending: false }).limit(count).throwOnError()
  return data
}

/** `{data}`, or `{what}`: why not, by the name of a text. `unknown` says nothing of what was done. */
export async function call(name, values) {
  const { data, error, status } = await config.supabase.rpc(name, values)
  if (!error) return { data }
  return { what: whyNot(status, error.message), seconds: secondsIn(error.details) }
}

/** The same of an answer of the sidecar's. */
export const refusal = ({ status, code, retry_after: seconds }) =>
  ({ what: whyNot(status, code), seconds })

/** Only a refusal is sure to have done nothing. */
function whyNot(status, message) {
  if (status === 401) return 'signed_out'
  const refused = status >= 400 && status < 500 && status !== 408
  return BY_MESSAGE[message] ?? (refused ? 'not_started' : 'unknown')
}

function secondsIn(details) {
  try {
    return JSON.parse(details).retry_after
  } catch {
    return undefined
  }
}

/** Tells everything on the page, and other tabs: balances and histories have changed with it. */
export function tellChange() {
  announce('elsewhere')
  announce('changed')
  tellOthers('elsewhere')
  tellEverybody('subscriptions')
}
