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

/** Path and body of a request to the sidecar. */
type Request = [path: string, body: object]

/** The exports of a gateway's `index.js`. `order` is the wish, with all that is known of the order. */
export interface GatewayModule {
  /** Makes the order, or gives it again. */
  checkout(order: any): Request
  /** Learns what became of it. Without a request there is nothing to ask the gateway. */
  settle(order: any): Request | undefined
  /** `checkout` is the sidecar's answer to the order, undefined where the script is fetched ahead. */
  window(options: any, checkout?: any): GatewayWindow | Promise<GatewayWindow>
  /** Reads what its redirect brought; null for another's address. `get` takes the first that is there. */
  returned(get: (...names: string[]) => string | undefined): Returned | null
  /** Is taken over by an order that the gateway says is not paid: the next attempt brings its own. */
  spent?: object
}

export interface GatewayWindow {
  /** Its name in `sdk`, its official address, and what it defines. */
  script: [name: string, address: string, defines: string]
  /** `claimed`: the window says that it was paid. `closed`: that it was left without paying. */
  pay(order: any, page: any): Promise<{ paymentKey?: string; claimed?: boolean; closed?: boolean }>
}

/** `agreed` is the amount that the person agreed to, where the sidecar takes the money afterwards. */
export interface Returned {
  orderId?: string
  paymentKey?: string
  claimed?: number | boolean
  agreed?: string
  /** The code of a failure. */
  failed?: string
}
