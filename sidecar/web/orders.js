// The open orders of this browser, asked about after a reload, a redirect or a lost connection.

import { newKey } from './client.js'

const STORE = 'coinslot:orders'
const KEEP_MS = 14 * 86_400_000 // a deposit may take days
const MOST = 20
const memory = new Map() // where the browser keeps nothing for us

/** The value kept under that name, null for none. */
export function kept(storage, name) {
  let text = memory.get(name)
  try {
    text ??= globalThis[storage].getItem(name)
    return JSON.parse(text ?? null)
  } catch {
    return null
  }
}

export function keep(storage, name, value) {
  const text = JSON.stringify(value)
  try {
    globalThis[storage].setItem(name, text)
    memory.delete(name)
  } catch {
    memory.set(name, text) // storage is off or full: remembered as long as the page lives
  }
}

function all() {
  const orders = kept('localStorage', STORE)
  return Array.isArray(orders)
    ? orders.filter((each) => each.at > Date.now() - KEEP_MS).slice(-MOST)
    : []
}

const write = (orders) => keep('localStorage', STORE, orders)

/** Newest first. */
export const openOrders = (userId) => all().filter((each) => each.userId === userId).reverse()

export const findOrder = (test) => all().findLast(test)

/** Adds the order, or what is new about it. Its key tells them apart. */
export function remember(order, changes = {}) {
  const known = all()
  const stored = known.find((each) => each.key === order.key)
  const merged = { ...order, ...stored, ...changes }
  write([...known.filter((each) => each.key !== order.key), merged])
  return Object.assign(order, merged)
}

/** True for the first of several tabs that see the order end. */
export function forget(order) {
  const known = all()
  const kept = known.filter(
    (each) => each.key !== order.key && (!order.orderId || each.orderId !== order.orderId),
  )
  write(kept)
  return kept.length < known.length
}

/** The order of this wish that is open in any tab, or a new one: its key makes one order of all. */
export function beginOrder(wish) {
  const names = ['userId', 'productId', 'gateway', 'currency', 'quantity', 'promoCode']
  const begun = findOrder(
    (each) => !each.waiting && names.every((name) => each[name] === wish[name]),
  )
  return remember(begun ?? { ...wish, key: newKey(), at: Date.now() }, { method: wish.method, closed: false })
}
