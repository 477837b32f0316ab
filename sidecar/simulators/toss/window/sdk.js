// Both generations of Toss's script: `requestPayment` on the object itself, or on its `payment()`.
const ACCOUNT = new Set(['가상계좌', 'VIRTUAL_ACCOUNT'])

const pay = async (method, amount, asked) => {
  const terms = {
    order: asked.orderId,
    amount,
    currency: 'KRW',
    name: asked.orderName,
    method: ACCOUNT.has(method) ? 'virtual_account' : 'card',
    success: asked.successUrl,
    fail: asked.failUrl,
  }
  if (onPhone) return leaveFor(terms)
  const { outcome, carried } = await openOver({ ...terms, success: null, fail: null }, 'Toss Payments')
  if (outcome === 'abandoned') {
    throw Object.assign(new Error(carried.message), { code: 'USER_CANCEL' })
  }
  const back = new URL(carried.code ? asked.failUrl : asked.successUrl)
  const told = carried.code ? carried : { paymentType: 'NORMAL', ...carried }
  for (const [name, value] of Object.entries(told)) back.searchParams.set(name, value)
  location.assign(back)
  return new Promise(() => {})
}

window.TossPayments = (clientKey) => {
  if (!/^(test|live)_g?ck_/.test(clientKey ?? '')) throw new Error('This is not a client key')
  return {
    requestPayment: (method, asked) => pay(method, asked.amount, asked),
    payment: () => ({ requestPayment: (asked) => pay(asked.method, asked.amount.value, asked) }),
  }
}
window.TossPayments.ANONYMOUS = 'ANONYMOUS'
