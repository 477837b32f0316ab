import type { Buyer, Method } from '../index'

/** `code`, `channelKey` and `pg` are of V1's script. */
export interface PortOneOptions {
  version?: 1 | 2
  code?: string
  channelKey?: string
  pg?: string
  methods?: Method[]
  /** What the payment company wants to know of every buyer. */
  buyer?: (keyof Buyer)[]
}
export type PortOneScripts = { iamport?: string; portone?: string }
