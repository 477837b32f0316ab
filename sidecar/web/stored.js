// Orders as the database has them.

import { config, inTheNameOf } from './client.js'

const MOST_AWAITED = 5

/** What an order's row tells, by the names of an outcome. */
export function found({ amount, currency, tokens, paid, virtual_account: account, ...payment }) {
  const { failure_reason: detail, product_id: productId, name, name_ko } = payment
  const method = payment.method ? { method: payment.method } : {}
  return { amount, currency, tokens, paid, account, detail, productId, name, name_ko, ...method }
}

/** Deposits that are awaited, also of orders made on another device. Asked in the name of `who`, a `session()`. */
export async function awaitedDeposits(who) {
  const { userId } = who
  const { data } = await inTheNameOf(who, config.supabase.from('token_payments').select('*')
    .eq('user_id', userId).eq('status', 'awaiting_deposit').limit(MOST_AWAITED).throwOnError())
  return data.map((row) => ({ ...found(row), orderId: row.order_id, userId, gateway: row.gateway, kind: 'waiting' }))
}

/** Calls an unpaid order off. Should it be paid all the same, it is credited. */
export const callOff = ({ orderId }) => config.supabase.rpc('cancel_token_order', { order_id: orderId })
