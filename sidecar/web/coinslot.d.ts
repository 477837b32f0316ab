import type { SupabaseClient } from '@supabase/supabase-js'
import type { GatewayName, GatewayOptions, GatewayScripts, Method } from './gateways/index'

export type { GatewayName, Method }

export interface PaymentMethod {
  /** `card`, `kakaopay`, `transfer`, …: its name in the person's language is the components'. */
  id: string
  /** In which it is offered; without, in every one. */
  currency?: string
  gateway: GatewayName
  /** Of one payment, in minor units. */
  min?: number
  max?: number
  /** Its fields, or its own button, stand in the page. */
  inline?: 'payment' | 'express' | 'widgets'
  /** It has a cash receipt of Korea's (현금영수증), if the page has the element of that: cash-receipts.d.ts. */
  cashReceipt?: boolean
  /** Gateways to try where the first one's window does not open. */
  fallbacks?: GatewayName[]
}

export interface Options {
  /** The signed-in person's client; null where nobody can be. */
  supabase: SupabaseClient<any, any, any> | null
  /** Address of the sidecar; '' where it serves the page itself. */
  sidecarUrl?: string
  /** Gateways to offer, in this order; `GET /store/config` answers with those that are on. */
  gateways: GatewayOptions
  /** The methods to offer, in this order, and which gateway takes each; else all that the gateways take. */
  methods?: PaymentMethod[]
  /** The shop's own documents, shown where people pay. `support`: whom to ask, an address or `mailto:`. */
  links?: { terms?: string; refunds?: string; privacy?: string; support?: string }
  /** For how many days unused tokens are refunded in full: said where people pay. */
  refundDays?: number
  /** What is on sale, where the page knows it already: rows of `token_offers`. */
  offers?: object[]
  /** How many packs an order may be of, where a pack has tiers; 1 without. */
  maxQuantity?: number
  /** Has the store ask for promotion codes. */
  takesCodes?: boolean
  /** Addresses of the gateways' scripts, where not the official ones. */
  sdk?: GatewayScripts
  /** 'ko' or 'en'; else the page's language, else the browser's. */
  locale?: string
  /** The page with `<coinslot-result>`, for payments that leave this one. */
  returnTo?: string
  /** The person's JWT, for a supabase client that was itself made with `accessToken`. */
  accessToken?: () => Promise<string | null>
}

/** Once for a page, before or after the elements stand in it; again to change an option. */
export function defineCoinslot(options: Options): Promise<void>
/** Everything on the page changes its language. */
export function setLocale(locale?: string): Promise<void>
/** After the app has spent something: balances and histories on the page and in other tabs. */
export function refreshBalance(): Promise<number | null>
/** Asks what became of the payment that a gateway has sent the person back from. */
export function resumePayment(location?: Location): Promise<Outcome>

/**
 * - `purchased` paid and credited · `waiting` for a deposit, or for a bank's debit (no `account`) · `checking` asked, no answer yet
 * - `unknown` nobody could be asked: never to be taken for unpaid
 * - `open` `closed` `declined` `canceled` `expired` `voided` no money was taken
 * - `review` paid otherwise than ordered: a person decides · `returned` `disputed` given or asked back
 * - `signed_out` `not_found` the order is not this person's to see · `nothing` no order in the address
 * - the rest: never begun, no money was taken
 */
export type OutcomeKind =
  | 'purchased' | 'waiting' | 'checking' | 'unknown'
  | 'open' | 'closed' | 'declined' | 'canceled' | 'expired' | 'voided'
  | 'review' | 'returned' | 'disputed'
  | 'signed_out' | 'not_found' | 'nothing'
  | 'gone' | 'price_changed' | 'not_started' | 'script_failed' | 'too_many' | 'gateway_off'
  | 'code_refused'

export interface Outcome {
  kind: OutcomeKind
  orderId?: string
  productId?: string
  gateway?: GatewayName
  tokens?: number
  /** Minor units. */
  amount?: number
  currency?: string
  detail?: string
  account?: { bank: string | null; account_number: string; holder: string | null; due_at: string | null }
}

export interface CoinslotEvents {
  'coinslot-purchased': CustomEvent<Outcome>
  /** Null while nobody is signed in. */
  'coinslot-balance': CustomEvent<{ tokens: number | null }>
  /** Everything else that became of a purchase; the element has told the person already. */
  'coinslot-error': CustomEvent<Outcome>
  /** Of a plan: what became of subscribing, or of a change. The element has told the person already. */
  'coinslot-subscription': CustomEvent<{ what: string; id: string; planId: string; status: string }>
  /** A person has switched their top-up on or off. */
  'coinslot-top-up': CustomEvent<{ status: string }>
  /** `open`: a gateway's window has the screen. */
  'coinslot-window': CustomEvent<{ open: boolean }>
}

/** Attributes of all elements: `theme="light|dark|auto"`; without, as the page's `color-scheme`. */
export declare class CoinslotElement extends HTMLElement {
  addEventListener<K extends keyof CoinslotEvents>(
    type: K,
    listener: (event: CoinslotEvents[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void
}

/** Attributes: `low`, under how many tokens it warns. */
export interface CoinslotBalance extends CoinslotElement {}
export interface CoinslotHistory extends CoinslotElement {
  reload(): Promise<void>
}
/** Attributes: `back`, where its button leads if the purchase was not begun on this site. */
export interface CoinslotResult extends CoinslotElement {}
/** Attributes: `currency`, `gateway`, `highlight` (a product), `products` (else all token packs). */
export interface CoinslotStore extends CoinslotElement {
  open(): Promise<void>
}

export interface Attempt<Data> {
  /** The same whenever this action is repeated: send it on as its idempotency key. */
  key: string
  data: Data
}

export interface CoinslotPaywall extends CoinslotElement {
  /**
   * Runs `action`; if it answers 402 (a Response, or what supabase-js answers) offers the packs, and
   * after a purchase runs it again with the same key. Where nothing is bought, answers the 402.
   * With a `name`, `resume` continues it after a gateway that leaves the page.
   */
  guard<Result, Data = undefined>(
    action: (attempt: Attempt<Data>) => Promise<Result> | PromiseLike<Result>,
    options?: { name?: string; data?: Data; key?: string },
  ): Promise<Result>
  /** When the page loads: goes on with the action of that name, if its tokens have been bought. */
  resume<Result, Data = unknown>(
    name: string,
    action: (attempt: Attempt<Data>) => Promise<Result>,
  ): Promise<Result | undefined>
  close(): void
}

declare global {
  interface HTMLElementTagNameMap {
    'coinslot-balance': CoinslotBalance
    'coinslot-history': CoinslotHistory
    'coinslot-paywall': CoinslotPaywall
    'coinslot-result': CoinslotResult
    'coinslot-store': CoinslotStore
  }
}
