import type { PortOneOptions, PortOneScripts } from './portone/index'
import type { StripeOptions, StripeScripts } from './stripe/index'
import type { TossOptions, TossScripts } from './toss/index'

/** The ways to pay that there are words for. */
export type Method =
  | 'card' | 'kakaopay' | 'naverpay' | 'tosspay' | 'transfer' | 'virtual_account' | 'mobile'
  | 'applepay' | 'googlepay' | 'link'

/** What a payment company may want of every buyer. It goes to the gateway's window and nowhere else. */
export interface Buyer {
  name?: string
  phone?: string
  email?: string
}

/** The options of each gateway, by its name. */
export interface GatewayOptions {
  portone?: PortOneOptions
  toss?: TossOptions
  stripe?: StripeOptions
}
export type GatewayName = keyof GatewayOptions

/** A way to pay in one currency, as `/store/config` has it. `min` and `max` are minor units. */
export interface OfferedMethod {
  id: Method
  currency: string
  gateway: GatewayName
  logo: string
  hint?: 'app' | 'later'
  /** The kind of place in the page that it needs in place of a window. */
  inline?: 'payment' | 'express' | 'widgets'
  cashReceipt?: boolean
  min?: number
  max?: number
  /** Gateways to try where nothing can have been charged at the first one. */
  fallbacks?: GatewayName[]
}

/** The addresses of the gateways' scripts, by the names that `/store/config` has for them. */
export type GatewayScripts = PortOneScripts & TossScripts & StripeScripts

/** Path and body of a request to the sidecar. */
type Request = [path: string, body: object]

/** The exports of a gateway's `index.js`. `order` is the wish, with all that is known of the order. */
export interface GatewayModule {
  /** Makes the order, or gives it again. Asked in the buyer's language, it names the product in that. */
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
  /** `page.buyer` is what the gateway's `buyer` in `/store/config` asks for. */
  pay(order: any, page: { buyer?: Buyer; email?: string; locale: 'en' | 'ko'; [name: string]: any }): Promise<Left>
}

/** `claimed`: the window says that it was paid. `closed`: that it was left without paying. */
export interface Left {
  paymentKey?: string
  claimed?: boolean
  closed?: boolean
  /** Why it was declined: a name in declines.js, where the gateway's code is known. */
  declined?: string
}

/** `agreed` is the amount that the person agreed to, where the sidecar takes the money afterwards. */
export interface Returned {
  orderId?: string
  paymentKey?: string
  claimed?: number | boolean
  agreed?: string
  /** The code of a failure, and what it means: a name in declines.js. */
  failed?: string
  declined?: string
}
