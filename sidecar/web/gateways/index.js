// Each gateway's module (index.d.ts).

import * as portone from './portone/index.js'
import * as stripe from './stripe/index.js'
import * as toss from './toss/index.js'

const MODULES = { portone, toss, stripe }

export const moduleOf = (name) => MODULES[name]
export const gatewayNames = Object.keys(MODULES)
