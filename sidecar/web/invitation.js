// <coinslot-invitation>, a file of its own: few people invite, and nobody while they pay.

import { configure } from './client.js'
import { defineInvitation } from './elements/invitation.js'
import { setLocale } from './text.js'

/** Once for a page; again to change an option. */
export async function defineCoinslotInvitation({ locale, ...options }) {
  configure(options)
  setLocale(locale)
  defineInvitation()
}
