// Both generations of the official script: `requestPayment` on the object itself, or on `payment()`,
// and `widgets()`, which are for keys of their own.
const WAYS = {
  CARD: ['card', 'Card'],
  카드: ['card', 'Card'],
  VIRTUAL_ACCOUNT: ['virtual_account', 'Virtual account'],
  가상계좌: ['virtual_account', 'Virtual account'],
  TRANSFER: ['transfer', 'Bank transfer'],
  계좌이체: ['transfer', 'Bank transfer'],
  MOBILE_PHONE: ['mobile', 'Phone bill'],
  휴대폰: ['mobile', 'Phone bill'],
}
const EASY_PAYS = { KAKAOPAY: 'KakaoPay', NAVERPAY: 'Naver Pay', TOSSPAY: 'Toss Pay' }

const failure = (code, message) => Object.assign(new Error(message), { code })

const wayOf = (method, card) => {
  if (!WAYS[method]) throw failure('INVALID_PARAMETERS', `method ${method} is none`)
  const company = method === 'CARD' && card?.flowMode === 'DIRECT' ? card.easyPay : null
  if (!company) return WAYS[method]
  if (!EASY_PAYS[company]) throw failure('INVALID_PARAMETERS', `card.easyPay ${company} is none`)
  return [company.toLowerCase(), EASY_PAYS[company]]
}

const check = (asked) => {
  if (!/^[A-Za-z0-9_=-]{6,64}$/.test(asked.orderId ?? '')) throw failure('INVALID_ORDER_ID', 'orderId')
  if (!asked.orderName || asked.orderName.length > 100) throw failure('INVALID_ORDER_NAME', 'orderName')
  for (const name of ['successUrl', 'failUrl']) if (!asked[name]) throw failure('INVALID_PARAMETERS', name)
}

const buyerIn = ({ customerName: name, customerMobilePhone: phone, customerEmail: email }) =>
  Object.entries({ name, phone, email }).filter(([, value]) => value).map(([field]) => field).join(',')

const pay = async ([method, label], amount, asked) => {
  check(asked)
  const terms = {
    ...{ order: asked.orderId, amount, currency: 'KRW', name: asked.orderName, method, label },
    buyer: buyerIn(asked),
    success: asked.successUrl,
    fail: asked.failUrl,
  }
  if (onPhone) return leaveFor(terms)
  const { outcome, carried } = await openOver({ ...terms, success: null, fail: null }, 'Toss Payments')
  if (outcome === 'abandoned') throw failure('USER_CANCEL', carried.message)
  const back = new URL(carried.code ? asked.failUrl : asked.successUrl)
  const told = carried.code ? carried : { paymentType: 'NORMAL', ...carried }
  for (const [name, value] of Object.entries(told)) back.searchParams.set(name, value)
  location.assign(back)
  return new Promise(() => {})
}

// The window that gives an `authKey`, for which a key is issued.
const storeCard = (customerKey) => async (asked) => {
  if (asked.method !== 'CARD') throw failure('INVALID_PARAMETERS', `method ${asked.method} stores nothing`)
  for (const name of ['successUrl', 'failUrl']) if (!asked[name]) throw failure('INVALID_PARAMETERS', name)
  if (!/^[A-Za-z0-9\-_=.@]{2,50}$/.test(customerKey ?? '')) throw failure('INVALID_CUSTOMER_KEY', 'customerKey')
  const terms = { customer: customerKey, success: asked.successUrl, fail: asked.failUrl }
  if (onPhone) return leaveFor(terms)
  const { outcome, carried } = await openOver({ customer: customerKey }, 'Toss Payments')
  if (outcome === 'abandoned') throw failure('USER_CANCEL', carried.message)
  const back = new URL(carried.code ? asked.failUrl : asked.successUrl)
  for (const [name, value] of Object.entries(carried)) back.searchParams.set(name, value)
  location.assign(back)
  return new Promise(() => {})
}

// Fields in the shop's page, found by a selector: the ways to pay, and the terms.
const widgets = () => {
  let value = null
  let chosen = null
  let agreed = null
  const place = (selector) => {
    const found = document.querySelector(selector)
    if (!found) throw failure('INVALID_SELECTOR', selector)
    if (value === null) throw failure('NOT_SETUP_AMOUNT', 'setAmount comes first')
    return found
  }
  const frameIn = async (selector, kind, heard) => {
    const frame = newFrame('_window/widget.html', { kind }, kind)
    Object.assign(frame.style, { width: '100%', height: '3rem', border: '0', colorScheme: 'normal' })
    const ready = listen(frame, (data) => {
      if (data.height) frame.style.height = `${data.height}px`
      return data.height
    })
    listen(frame, (data) => void heard(data))
    place(selector).replaceChildren(frame)
    await ready
    return { destroy: async () => frame.remove(), on() {} }
  }
  return {
    setAmount: async (amount) => {
      if (amount?.currency !== 'KRW' || !(amount.value > 0)) throw failure('INVALID_AMOUNT', 'amount')
      value = amount.value
    },
    renderPaymentMethods: ({ selector }) =>
      frameIn(selector, 'methods', ({ way }) => {
        chosen = way ?? chosen
      }),
    renderAgreement: ({ selector }) =>
      frameIn(selector, 'terms', (data) => {
        agreed = data.agreed ?? agreed
      }),
    requestPayment: async (asked) => {
      if (!chosen) throw failure('NOT_SELECTED_PAYMENT_METHOD', 'no way to pay is chosen')
      if (!agreed) throw failure('NEED_AGREEMENT_WITH_REQUIRED_TERMS', 'the terms are not agreed to')
      return pay(chosen, value, asked)
    },
  }
}

window.TossPayments = (clientKey) => {
  const [, family] = /^(?:test|live)_(g?)ck_/.exec(clientKey ?? '') ?? []
  if (family === undefined) throw failure('INVALID_CLIENT_KEY', 'This is not a client key')
  const only = (kind, made) => (given) => {
    if (family !== kind) throw failure('NOT_SUPPORTED_CLIENT_KEY', `not with a key of the ${kind ? 'API' : 'widgets'}`)
    return made(given)
  }
  return {
    requestPayment: async (method, asked) => pay(wayOf(method), asked.amount, asked),
    payment: only('', ({ customerKey } = {}) => ({
      requestPayment: async (asked) => pay(wayOf(asked.method, asked.card), asked.amount.value, asked),
      requestBillingAuth: storeCard(customerKey),
    })),
    widgets: only('g', widgets),
  }
}
window.TossPayments.ANONYMOUS = 'ANONYMOUS'
