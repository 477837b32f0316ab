// What the later file has of the first one: Lit, words and the rest are there once (build.mjs).

export { adoptStyles, html, nothing, unsafeCSS } from 'lit'
export { refreshBalance } from './balance.js'
export { announce, ask, config, inTheNameOf, mine, newKey, session, sleep, tellEverybody } from './client.js'
export { expiring } from './elements/expiring.js'
export { icon } from './elements/icons.js'
export { showReceipt } from './elements/receipt.js'
export { given, supportAddress } from './elements/words.js'
export { beginOrder, findOrder, forget, openOrders, remember } from './orders.js'
export { callOff, found } from './stored.js'
export { addTexts, day, locale, money, moment, nameOf, number, t, time, tokens, wayOf } from './text.js'
