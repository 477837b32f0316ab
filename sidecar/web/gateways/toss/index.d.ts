import type { Method } from '../index'

export interface TossOptions {
  methods?: Method[]
}
export type TossScripts = { toss?: string }
