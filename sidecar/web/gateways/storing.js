// How each gateway stores a method, in a file apart: a store without plans needs none of it.
//
// `store(browser, page)` opens its window with what the sidecar answered, and brings back
// `{carried}`, or why not: `{closed, declined}`. Where the page is left it never answers: `carried`
// reads what came back. `authenticate(browser, page)` has a charge confirmed by its holder.

import * as portone from './portone/billing.js'
import * as stripe from './stripe/billing.js'
import * as toss from './toss/billing.js'

const STORING = { portone, toss, stripe }

export const storingAt = (name) => STORING[name]
