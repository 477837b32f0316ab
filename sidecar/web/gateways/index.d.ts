import type { PortOneOptions, PortOneScripts } from './portone/index'
import type { StripeOptions, StripeScripts } from './stripe/index'
import type { TossOptions, TossScripts } from './toss/index'

export type Method = 'card' | 'virtual_account'

/** The options of each gateway, by its name. */
export interface GatewayOptions {
  portone?: PortOneOptions
  toss?: TossOptions
  stripe?: StripeOptions
}
export type GatewayName = keyof GatewayOptions

/** The addresses of the gateways' scripts, by the names that `/store/config` has for them. */
export type GatewayScripts = PortOneScripts & TossScripts & StripeScripts
