import type { Buyer, Method } from '../index'

export interface TossOptions {
  methods?: Method[]
  /** What the payment company wants to know of every buyer. */
  buyer?: (keyof Buyer)[]
}
export type TossScripts = { toss?: string }
