let merchant = null

const requestPay = async (asked, callback = () => {}) => {
  if (!merchant) throw new Error('IMP.init(…) comes first')
  const terms = {
    order: asked.merchant_uid,
    amount: asked.amount,
    currency: asked.currency ?? 'KRW',
    name: asked.name,
    method: asked.pay_method === 'vbank' ? 'virtual_account' : 'card',
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
