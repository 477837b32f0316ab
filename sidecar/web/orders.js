// The orders this browser has begun and not seen the end of. They outlive the page: after a reload,
// a redirect or a lost connection they are what the sidecar is asked about.

import { newKey } from './client.js'

const STORE = 'coinslot:orders'
const KEEP_MS = 14 * 86_400_000 // a deposit may take days
const MOST = 20
let memory = '[]' // where the browser keeps nothing for us

function all() {
  let text = memory
  try {
    text = localStorage.getItem(STORE) ?? '[]'
  } catch {
    // Storage is switched off: the page remembers as long as it lives.
  }
  try {
    const orders = JSON.parse(text)
    return orders.filter((each) => each.at > Date.now() - KEEP_MS).slice(-MOST)
  } catch {
    return []
  }
}

function write(orders) {
  memory = JSON.stringify(orders)
  try {
    localStorage.setItem(STORE, memory)
  } catch {
    // As above.
  }
}

/** This person's, newest first. */
export const openOrders = (userId) => all().filter((each) => each.userId === userId).reverse()

export const findOrder = (test) => all().reverse().find(test)

/** Adds the order, or what is new about it; a stored order is known by its key. */
export function remember(order, changes = {}) {
  const known = all()
  const stored = known.find((each) => each.key === order.key)
  const merged = { ...order, ...stored, ...changes }
  write([...known.filter((each) => each.key !== order.key), merged])
  return Object.assign(order, merged)
}

/** Whether it was still there: of two tabs that see an order end, one is the first. */
export function forget(order) {
  const known = all()
  const kept = known.filter(
    (each) => each.key !== order.key && (!order.orderId || each.orderId !== order.orderId),
  )
  write(kept)
  return kept.length < known.length
}

/**
 * The order for this wish: the one begun earlier and not over, in whatever tab, or a new one. Its
 * key goes with every request, so that a double click, a reload and a second tab make one order.
 */
export function beginOrder(wish) {
  const names = ['userId', 'productId', 'gateway', 'currency']
  const begun = findOrder(
    (each) => !each.waiting && names.every((name) => each[name] === wish[name]),
  )
  return remember(begun ?? { ...wish, key: newKey(), at: Date.now() }, { method: wish.method })
}
