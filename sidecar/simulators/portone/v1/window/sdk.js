let merchant = null

const WAYS = {
  card: ['card', 'Card'],
  kakaopay: ['kakaopay', 'KakaoPay'],
  naverpay: ['naverpay', 'Naver Pay'],
  tosspay: ['tosspay', 'Toss Pay'],
  trans: ['transfer', 'Bank transfer'],
  vbank: ['virtual_account', 'Virtual account'],
  phone: ['mobile', 'Phone bill'],
}

// A call that cannot be served is answered like a payment that failed.
const fault = (asked) => {
  for (const needed of ['pay_method', 'merchant_uid', 'name', 'amount']) {
    if (!asked[needed]) return `${needed} is missing`
  }
  if (!WAYS[asked.pay_method]) return `pay_method ${asked.pay_method} is none`
  if (asked.pay_method === 'vbank' && !/^\d{8}(\d{4})?$/.test(asked.vbank_due ?? '')) return 'vbank_due is missing'
  return null
}

const buyerIn = ({ buyer_name: name, buyer_tel: phone, buyer_email: email }) =>
  Object.entries({ name, phone, email }).filter(([, value]) => value).map(([field]) => field).join(',')

// Over nothing: a `customer_uid` with no amount stores a card under that name.
const storeCard = async (asked, callback) => {
  const terms = { customer: asked.customer_uid }
  if (onPhone && asked.m_redirect_url) {
    return leaveFor({ ...terms, success: asked.m_redirect_url, fail: asked.m_redirect_url })
  }
  const { carried } = await openOver(terms, 'PortOne')
  callback({ success: !carried.error_code, ...carried })
}

const requestPay = async (asked, callback = () => {}) => {
  if (!merchant) throw new Error('IMP.init(…) comes first')
  if (asked.customer_uid && asked.merchant_uid && !asked.amount) return storeCard(asked, callback)
  const wrong = fault(asked)
  if (wrong) return callback({ success: false, error_code: 'F0001', error_msg: wrong, merchant_uid: asked.merchant_uid })
  const [method, label] = WAYS[asked.pay_method]
  const terms = {
    order: asked.merchant_uid,
    amount: asked.amount,
    currency: asked.currency ?? 'KRW',
    name: asked.name,
    buyer: buyerIn(asked),
    method,
    label,
  }
  if (onPhone && asked.m_redirect_url) {
    return leaveFor({ ...terms, success: asked.m_redirect_url, fail: asked.m_redirect_url })
  }
  const { outcome, carried } = await openOver(terms, 'PortOne')
  const status = { paid: 'paid', awaiting_deposit: 'ready' }[outcome] ?? 'failed'
  callback({
    // Older pages look at `success`, which has never meant that anything was paid.
    success: !carried.error_code,
    merchant_uid: asked.merchant_uid,
    pay_method: asked.pay_method,
    paid_amount: asked.amount,
    status,
    ...carried,
  })
}

window.IMP = {
  init: (code) => {
    merchant = code
  },
  agency: (code) => {
    merchant = code
  },
  request_pay: (asked, callback) => void requestPay(asked, callback),
}
