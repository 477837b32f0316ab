const METHODS = { VIRTUAL_ACCOUNT: 'virtual_account' }

const requestPayment = async (asked) => {
  for (const needed of ['storeId', 'paymentId', 'orderName', 'totalAmount', 'currency', 'payMethod']) {
    if (asked[needed] === undefined) throw new Error(`requestPayment needs ${needed}`)
  }
  const terms = {
    order: asked.paymentId,
    amount: asked.totalAmount,
    currency: asked.currency.replace('CURRENCY_', ''),
    name: asked.orderName,
    method: METHODS[asked.payMethod] ?? 'card',
  }
  if (asked.redirectUrl && (onPhone || asked.forceRedirect)) {
    return leaveFor({ ...terms, success: asked.redirectUrl, fail: asked.redirectUrl })
  }
  const { carried } = await openOver(terms, 'PortOne')
  const { transactionId, ...rest } = carried
  return { transactionType: 'PAYMENT', txId: transactionId, ...rest, paymentId: asked.paymentId }
}

window.PortOne = { requestPayment }
