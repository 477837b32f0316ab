// Pictures, drawn for Coinslot on 24 by 24.

import { html, svg } from 'lit'

const PATHS = {
  check: svg`<path d="m5 12.5 4.6 4.5L19 7.5"/>`,
  clock: svg`<circle cx="12" cy="12" r="8.75"/><path d="M12 7.25V12l3.25 2"/>`,
  question: svg`<circle cx="12" cy="12" r="8.75"/><path d="M9.4 9.4a2.7 2.7 0 1 1 4 2.4c-.9.5-1.4 1-1.4 1.9M12 16.6v.1"/>`,
  cross: svg`<path d="m6.5 6.5 11 11M17.5 6.5l-11 11"/>`,
  flag: svg`<path d="M6 20.5V4.25h11.5L15.2 8.5l2.3 4.25H6"/>`,
  back: svg`<path d="M8.5 4.75 4.25 9l4.25 4.25M4.5 9h10a5.25 5.25 0 0 1 0 10.5H11"/>`,
  person: svg`<circle cx="12" cy="8.5" r="3.75"/><path d="M4.75 20a7.4 7.4 0 0 1 14.5 0"/>`,
  plus: svg`<path d="M12 5.5v13M5.5 12h13"/>`,
  minus: svg`<path d="M5.5 12h13"/>`,
  gift: svg`<path d="M4.75 11.5h14.5v8.25H4.75zM3.5 7.75h17v3.75h-17zM12 7.75v12M12 7.75S10.2 3.9 8 4.6s.5 3.15 4 3.15Zm0 0s1.8-3.85 4-3.15-.5 3.15-4 3.15Z"/>`,
  receipt: svg`<path d="M6 3.75h12v16.5l-2.4-1.6-1.8 1.6-1.8-1.6-1.8 1.6-1.8-1.6L6 20.25zM9 8.25h6M9 12h6"/>`,
  chevron: svg`<path d="m9.25 6 6 6-6 6"/>`,
  card: svg`<rect x="2.75" y="5.25" width="18.5" height="13.5" rx="2.25"/><path d="M2.75 10h18.5M6.5 15h3.5"/>`,
  bank: svg`<path d="M3.5 9.5 12 4.25l8.5 5.25zM6 10v7M10 10v7M14 10v7M18 10v7M3.75 19.75h16.5"/>`,
  account: svg`<rect x="4" y="4.25" width="16" height="15.5" rx="2.25"/><path d="M8 9h8M8 12.5h8M8 16h4.5"/>`,
  phone: svg`<rect x="7" y="2.75" width="10" height="18.5" rx="2.25"/><path d="M11 18.25h2"/>`,
  wallet: svg`<rect x="3" y="6" width="18" height="13" rx="2.5"/><path d="M15.5 12.5h2.25M3.5 9.5 15 4.25l1.5 1.75"/>`,
}
const OF_METHODS = { card: 'card', transfer: 'bank', virtual_account: 'account', mobile: 'phone' }

export const icon = (name) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${PATHS[name]}</svg>`

/** A method's picture, which says nothing that its name does not. No mark of anybody's. */
export const methodIcon = (id) => icon(OF_METHODS[id] ?? 'wallet')
