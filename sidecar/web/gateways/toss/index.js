// Toss Payments: https://docs.tosspayments.com/sdk/v2/js, and the first SDK.
// Its window takes no money: the sidecar does, asked by the page it comes back to.

import { openForm } from '../../elements/form.js'
import { load, ScriptFailed } from '../load.js'
import { DECLINES } from './declines.js'

const METHODS = { virtual_account: 'VIRTUAL_ACCOUNT', transfer: 'TRANSFER', mobile: 'MOBILE_PHONE' }
// Of the first SDK.
const KOREAN = { virtual_account: '가상계좌', transfer: '계좌이체', mobile: '휴대폰' }

const script = ['toss', 'https://js.tosspayments.com/v2/standard', 'TossPayments']

export const window = () => ({ script, pay })

export const checkout = ({ productId, method, quantity, promoCode }) =>
  ['/payment/toss/create', { productId, method, quantity, promoCode }]

// Nothing is taken before this: without a key there is nothing to ask.
export const settle = ({ orderId, paymentKey, agreed }) =>
  paymentKey && ['/payment/toss/confirm', { orderId, paymentKey, amount: agreed }]

export const spent = { paymentKey: null, agreed: null }

export function returned(get) {
  const paymentKey = get('paymentKey')
  if (paymentKey) return { paymentKey, agreed: get('amount') ?? '' }
  const declined = DECLINES[get('code')]
  return declined ? { failed: get('code'), declined } : null
}

async function pay(order, page) {
  const TossPayments = await load(page.sdk, 'TossPayments')
  const { clientKey, amount, dueDate, method, card, ...config } = order.checkout.tossConfig
  const toss = TossPayments(clientKey)
  const deposit = order.method === 'virtual_account' && dueDate
  const asked = { ...config, ...buyerOf(page) }
  if (/_gck_/.test(clientKey)) return payInWidgets(toss, TossPayments, order, asked, page)
  try {
    if (toss.payment) {
      const payment = toss.payment({ customerKey: TossPayments.ANONYMOUS })
      await payment.requestPayment({
        ...asked,
        method: method ?? METHODS[order.method] ?? 'CARD',
        ...(card && { card }),
        ...(deposit && { virtualAccount: { dueDate } }),
        amount: { currency: 'KRW', value: amount },
      })
    } else {
      await toss.requestPayment(KOREAN[order.method] ?? '카드', { ...asked, ...(deposit && { dueDate }), amount })
    }
  } catch (error) {
    return left(error)
  }
  return new Promise(() => {}) // the page is being left
}

export const left = ({ code } = {}) => ({ closed: code === 'USER_CANCEL', declined: DECLINES[code] })

/** Those fields that the contract wants; Toss takes none that is empty. */
function buyerOf({ buyer = {}, email }) {
  const { name, phone } = buyer
  const address = buyer.email ?? email
  return {
    ...(name && { customerName: name }),
    ...(phone && { customerMobilePhone: phone }),
    ...(address && { customerEmail: address }),
  }
}

/**
 * With the keys of the widgets the buyer chooses a way to pay, and agrees to Toss's terms, in fields
 * of Toss's in the page. They are found by a selector, and so by an id.
 */
async function payInWidgets(toss, TossPayments, order, asked, { element: store, show }) {
  const widgets = toss.widgets({ customerKey: TossPayments.ANONYMOUS })
  const panel = openForm(store, order, show)
  try {
    const drawn = draw(widgets, order.checkout.tossConfig.amount, panel.box)
    if ((await Promise.race([drawn, panel.left])) === false) return { closed: true }
    panel.ready()
    if (!(await panel.submitted())) return { closed: true }
    const stopped = await widgets.requestPayment(asked).then(() => null, left)
    return stopped ?? (await new Promise(() => {})) // the page is being left
  } finally {
    panel.close()
  }
}

async function draw(widgets, value, box) {
  const [methods, terms] = ['methods', 'terms'].map((name) =>
    Object.assign(document.createElement('div'), { id: `coinslot-toss-${name}` }),
  )
  box.append(methods, terms)
  try {
    await widgets.setAmount({ currency: 'KRW', value })
    await Promise.all([
      widgets.renderPaymentMethods({ selector: `#${methods.id}` }),
      widgets.renderAgreement({ selector: `#${terms.id}` }),
    ])
  } catch (error) {
    throw new ScriptFailed(error?.code)
  }
}
