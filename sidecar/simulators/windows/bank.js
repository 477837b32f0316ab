// The bank at which virtual accounts are paid into: whatever waits, at any gateway.
import { make, minor, money, play, say } from './words.js'

const GATEWAYS = {
  'portone-v1': (each) => each.status === 'ready' && each.vbank_num && {
    key: each.imp_uid,
    account: `${each.vbank_name} ${each.vbank_num}`,
    amount: money(each.amount, each.currency),
    order: each.merchant_uid,
  },
  'portone-v2': (each) => each.status === 'VIRTUAL_ACCOUNT_ISSUED' && {
    key: each.transactionId,
    account: `${each.method.bank} ${each.method.accountNumber}`,
    amount: money(each.amount.total, each.currency),
    order: each.id,
  },
  toss: (each) => each.status === 'WAITING_FOR_DEPOSIT' && {
    key: each.paymentKey,
    account: each.virtualAccount.accountNumber,
    amount: money(each.totalAmount, each.currency),
    order: each.orderId,
  },
  stripe: (each) => each.status === 'processing' && {
    key: each.id,
    account: say('Bank debit'),
    amount: minor(each.amount, each.currency),
    order: each.metadata.order_id,
  },
}

const waitingAt = async (gateway) => {
  const { payments } = await play(gateway, 'payments')
  const waiting = payments.map(GATEWAYS[gateway]).filter(Boolean)
  return waiting.map((each) => ({ ...each, gateway }))
}

const row = ({ gateway, key, account, amount, order }) => {
  const deposit = make('button', { type: 'button', className: 'main' }, say('Deposit {amount}', { amount }))
  const item = make('li', {}, make('strong', {}, account), make('span', {}, order), deposit)
  deposit.addEventListener('click', async () => {
    deposit.disabled = true
    try {
      await play(gateway, 'deposit', { payment_key: key })
      deposit.replaceWith(make('span', { role: 'status' }, say('Deposited. You can go back to the shop.')))
    } catch (error) {
      deposit.replaceWith(make('span', { role: 'alert' }, error.message))
    }
  })
  return item
}

const waiting = (await Promise.all(Object.keys(GATEWAYS).map(waitingAt))).flat().reverse()
const sheet = document.querySelector('main')
sheet.append(
  make('p', { className: 'gateway' }, make('strong', {}, say('The simulated bank')), say('Simulated: no money moves')),
  make('h1', { id: 'title' }, say('Accounts that wait for a deposit')),
  waiting.length
    ? make('ul', {}, ...waiting.map(row))
    : make('p', {}, say('Nobody waits for a deposit.')),
)
document.title = say('The simulated bank')
