import type { CoinslotElement, Options } from './coinslot'

/** Once for a page, of the options what a signed-in person needs; again to change one. */
export function defineCoinslotInvitation(options: Pick<Options, 'supabase' | 'locale' | 'accessToken'>): Promise<void>

/** Attributes: `link`, the page where an invited person accepts; this one without. */
export interface CoinslotInvitation extends CoinslotElement {
  reload(): Promise<void>
}

declare global {
  interface HTMLElementTagNameMap {
    'coinslot-invitation': CoinslotInvitation
  }
}
