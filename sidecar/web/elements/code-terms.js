// What a code does, as the database says. One for tokens is redeemed at once.

import { refreshBalance } from '../balance.js'
import { announce, config, inTheNameOf, newKey, session } from '../client.js'
import { t, tokens } from '../text.js'

let redeeming = null // `{code, key}` of the redemption whose end is not known yet

/** The `terms` of a code that makes this basket cheaper, or what is `said` of another one; the `text` that the field has then. */
export async function tryCode(code, { productId, currency, quantity }, gateway) {
  const terms = await ask('check_token_code', { code, product_id: productId, gateway, currency, quantity })
  if (terms.kind === 'tokens') return redeem(terms.code)
  return terms.outcome === 'usable' ? { terms, text: terms.code } : { said: { text: why(terms) } }
}

async function redeem(code) {
  if (redeeming?.code !== code) redeeming = { code, key: newKey() }
  const given = await ask('redeem_token_code', { code, idempotency_key: redeeming.key })
  if (given.outcome !== 'unknown') redeeming = null
  if (given.outcome !== 'redeemed') return { said: { text: why(given) } }
  refreshBalance()
  announce('changed')
  announce('redeemed', { tokens: given.tokens })
  return { text: '', said: { text: t('code.redeemed', { tokens: tokens(given.tokens) }), good: true } }
}

const why = ({ outcome }) => t(`code.${outcome}`) ?? t('code.unknown')

async function ask(name, values) {
  const who = await session().catch(() => false)
  if (!who) return { outcome: who === null ? 'signed_out' : 'unknown' }
  const { data, error, status } = await inTheNameOf(who, config.supabase.rpc(name, values))
  if (status === 401) return { outcome: 'signed_out' }
  return error ? { outcome: error.message === 'too_many_codes' ? 'too_many' : 'unknown' } : data
}
