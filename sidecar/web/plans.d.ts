import type { CoinslotElement, Options } from './coinslot'
import type { GatewayName } from './gateways/index'

/** Those of the store that hold here as well, and where plans are sold, as `/store/config` tells it. */
export interface PlanOptions
  extends Pick<Options, 'supabase' | 'sidecarUrl' | 'gateways' | 'links' | 'refundDays' | 'sdk' | 'locale' | 'accessToken'> {
  /** The currencies of the plans, each with a gateway that may charge a stored method. */
  subscriptions?: { currency: string; gateway: GatewayName }[]
  /** The currencies in which tokens may be bought by themselves, each with a gateway. */
  topUps?: { currency: string; gateway: GatewayName }[]
  /** The page with `<coinslot-plans>` that a gateway's window comes back to; `/billing/success` without. */
  storedAt?: string
}

/** Once for a page, before or after the elements stand in it; again to change an option. */
export function defineCoinslotPlans(options: PlanOptions): Promise<void>

/** Attributes: `currency`, `family`, `gateway` (only that one), `plans` (ids; else all that are sold). */
export interface CoinslotPlans extends CoinslotElement {
  reload(): Promise<void>
}
/** Attributes: `family`, to show the plan of that one alone. */
export interface CoinslotSubscription extends CoinslotElement {
  reload(): Promise<void>
}
/** Attributes: `currency`, `gateway` (only that one). */
export interface CoinslotTopUp extends CoinslotElement {
  reload(): Promise<void>
}

declare global {
  interface HTMLElementTagNameMap {
    'coinslot-plans': CoinslotPlans
    'coinslot-subscription': CoinslotSubscription
    'coinslot-top-up': CoinslotTopUp
  }
}
