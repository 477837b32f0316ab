// What nobody needs to see a price and to press pay: `loading.js` fetches it when it is first needed.

import en from './i18n/later/en.json'
import ko from './i18n/later/ko.json'
import { addTexts } from './text.js'

export { Activity } from './elements/activity.js'
export { tryCode } from './elements/code-terms.js'
export { prepare, purchase } from './purchase.js'
export { resumePayment } from './resume.js'
export { awaitDeposit, resolveOpenOrders, settleUntilKnown } from './settle.js'

addTexts({ en, ko })
