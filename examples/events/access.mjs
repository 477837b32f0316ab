// The products that each person has. A real app keeps both in its database, and writes them in one
// transaction: an event may come again, and its id tells.
export const seen = new Set()
export const access = new Map()

// A product is there while it is paid for: one more with its money, one less without it.
export function actOn({ type, data }) {
  if (type === 'payment.completed') give(data, data.quantity)
  else if (type === 'payment.refunded' && data.status === 'refunded') give(data, -data.quantity)
}

function give({ user_id, product_id }, quantity) {
  const has = access.get(user_id) ?? {}
  access.set(user_id, { ...has, [product_id]: (has[product_id] ?? 0) + quantity })
}
