// The person's tokens: asked for once for all the elements that show them.

import { announce, config, inTheNameOf, news, session, tellOthers } from './client.js'

const SOON_MS = 14 * 86_400_000

/**
 * `tokens` is null while nobody is signed in or nothing is known; `stale` after a failed ask.
 * `expiring`: what is left of the lots that end soon, the soonest first.
 */
export const balance = { tokens: null, stale: false, signedIn: null, expiring: [] }

let owner
let asking = null
let next = null
let watching = false

/** Never an answer from before the call: calls while one is on its way share the next. */
export function refreshBalance() {
  if (!asking) return (asking = read().finally(() => (asking = null)))
  next ??= asking.then(() => {
    next = null
    return refreshBalance()
  })
  return next
}

async function read() {
  const before = balance.tokens
  let known = before
  let who = null
  try {
    who = await session()
    balance.signedIn = Boolean(who)
    if (who?.userId !== owner) Object.assign(balance, { tokens: known = null, expiring: [] })
    owner = who?.userId
    if (who) balance.tokens = (await inTheNameOf(who, config.supabase.rpc('get_user_tokens').throwOnError())).data
    balance.stale = false
  } catch {
    balance.stale = true
  }
  announce('balance', { ...balance })
  if (before !== null && before !== balance.tokens) {
    announce('changed')
    tellOthers('elsewhere')
  }
  if (who && known !== balance.tokens) readExpiring(who)
  return balance.tokens
}

/** The balance waits for none of it. */
async function readExpiring(who) {
  const soon = new Date(Date.now() + SOON_MS).toISOString()
  const { data } = await inTheNameOf(who, config.supabase.rpc('list_token_lots').lt('expires_at', soon))
  if (!data || who.userId !== owner) return
  balance.expiring = data
  announce('expiring')
}

/** Looks again whenever it may have changed, here or in another tab. */
export function watchBalance() {
  if (watching) return
  watching = true
  for (const type of ['focus', 'online', 'pageshow']) addEventListener(type, refreshBalance)
  document.addEventListener('visibilitychange', () => document.hidden || refreshBalance())
  for (const type of ['signed', 'purchased', 'elsewhere']) {
    news.addEventListener(type, refreshBalance)
  }
}
