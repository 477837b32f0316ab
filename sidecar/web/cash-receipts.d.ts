import type { CoinslotElement, Options } from './coinslot'

/** Once for a page, with the options of `defineCoinslot`; again to change one. */
export function defineCoinslotCashReceipts(
  options: Pick<Options, 'supabase' | 'locale' | 'accessToken' | 'methods'>,
): Promise<void>

/**
 * Stands in the store and the history by itself. Attributes: `order`, whose receipt it shows, and
 * `method`, how that order is paid; without, it is the store's question before a purchase.
 */
export interface CoinslotCashReceipt extends CoinslotElement {
  /** False where the number does not fit: it says so. */
  check(): boolean
  /** Asks for what was chosen, of an order that is about to be paid. True where it may have been asked for. */
  ask(order: { orderId: string; receipt?: boolean }): Promise<boolean>
  reload(): Promise<void>
}

declare global {
  interface HTMLElementTagNameMap {
    'coinslot-cash-receipt': CoinslotCashReceipt
  }
}
