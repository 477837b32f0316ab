const WAYS = {
  CARD: ['card', 'Card'],
  TRANSFER: ['transfer', 'Bank transfer'],
  VIRTUAL_ACCOUNT: ['virtual_account', 'Virtual account'],
  MOBILE: ['mobile', 'Phone bill'],
}
const EASY_PAYS = { KAKAOPAY: 'KakaoPay', NAVERPAY: 'Naver Pay', TOSSPAY: 'Toss Pay' }

const wayOf = ({ payMethod, easyPay, virtualAccount }) => {
  const company = easyPay?.easyPayProvider
  if (payMethod === 'EASY_PAY' && EASY_PAYS[company]) return [company.toLowerCase(), EASY_PAYS[company]]
  if (!WAYS[payMethod]) throw new Error(`payMethod ${payMethod} of ${company} is none`)
  // Some of the payment companies refuse an account without an end, and none minds one.
  if (payMethod === 'VIRTUAL_ACCOUNT' && !virtualAccount?.accountExpiry) {
    throw new Error('virtualAccount.accountExpiry is missing')
  }
  return WAYS[payMethod]
}

const buyerIn = ({ fullName: name, phoneNumber: phone, email } = {}) =>
  Object.entries({ name, phone, email }).filter(([, value]) => value).map(([field]) => field).join(',')

const requestPayment = async (asked) => {
  for (const needed of ['storeId', 'paymentId', 'orderName', 'totalAmount', 'currency', 'payMethod']) {
    if (asked[needed] === undefined) throw new Error(`requestPayment needs ${needed}`)
  }
  if (!asked.channelKey && !asked.channelGroupId) throw new Error('requestPayment needs channelKey')
  const [method, label] = wayOf(asked)
  const terms = {
    order: asked.paymentId,
    amount: asked.totalAmount,
    currency: asked.currency.replace('CURRENCY_', ''),
    name: asked.orderName,
    buyer: buyerIn(asked.customer),
    method,
    label,
  }
  if (asked.redirectUrl && (onPhone || asked.forceRedirect)) {
    return leaveFor({ ...terms, success: asked.redirectUrl, fail: asked.redirectUrl })
  }
  const { carried } = await openOver(terms, 'PortOne')
  const { transactionId, ...rest } = carried
  return { transactionType: 'PAYMENT', txId: transactionId, ...rest, paymentId: asked.paymentId }
}

const requestIssueBillingKey = async (asked) => {
  for (const needed of ['storeId', 'channelKey', 'billingKeyMethod', 'customer']) {
    if (asked[needed] === undefined) throw new Error(`requestIssueBillingKey needs ${needed}`)
  }
  if (asked.billingKeyMethod !== 'CARD') throw new Error(`billingKeyMethod ${asked.billingKeyMethod} is not played`)
  const terms = { customer: asked.customer.customerId }
  if (asked.redirectUrl && (onPhone || asked.forceRedirect)) {
    return leaveFor({ ...terms, success: asked.redirectUrl, fail: asked.redirectUrl })
  }
  return (await openOver(terms, 'PortOne')).carried
}

window.PortOne = { requestPayment, requestIssueBillingKey }
