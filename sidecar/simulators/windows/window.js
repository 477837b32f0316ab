// The payment window: what the buyer can do in it, and how that gets back to the shop.
import { intentOf, make, minor, money, play, query, say } from './words.js'

const gateway = location.pathname.split('/')[1]
const NAMES = {
  'portone-v1': 'PortOne V1',
  'portone-v2': 'PortOne V2',
  toss: 'Toss Payments',
  stripe: 'Stripe',
}
const sheet = document.querySelector('main')
// Over the shop's page, which has a main part of its own.
if (parent !== window) sheet.setAttribute('role', 'dialog')

const finish = (outcome, carried = {}) => {
  const back = query.get(carried.code || carried.error_code ? 'fail' : 'success')
  if (!back) {
    parent.postMessage({ outcome, carried }, query.get('origin'))
    return
  }
  const url = new URL(back)
  // Toss tells the page so; the other two tell it nothing but their ids.
  const told = gateway === 'toss' && !carried.code ? { paymentType: 'NORMAL', ...carried } : carried
  for (const [name, value] of Object.entries(told)) {
    if (value !== null && name !== 'transactionId') url.searchParams.set(name, value)
  }
  location.assign(url)
}

const refused = (error) => {
  const left = gateway === 'portone-v1'
    ? { error_code: error.code ?? 'F0004', error_msg: error.message }
    : { code: error.code ?? 'FAILURE_TYPE_PG', message: error.message }
  const close = button('Back to the shop', '', () => finish('failed', left))
  sheet.querySelector('.choices').replaceChildren(close)
  sheet.querySelector('.said').textContent = error.message
  close.focus()
}

const button = (text, kind, act, values) => {
  const made = make('button', { type: 'button', className: kind }, say(text, values))
  made.addEventListener('click', () => {
    for (const each of sheet.querySelectorAll('button')) each.disabled = true
    Promise.resolve(act()).catch(refused)
  })
  return made
}

const turn = async (outcome) => {
  const terms = { order_id: query.get('order'), outcome }
  const amount = Number(query.get('amount'))
  const asked = { ...terms, amount, currency: query.get('currency') }
  const carried = await play(gateway, 'pay', asked)
  if (outcome === 'abandoned' && gateway === 'portone-v2') {
    Object.assign(carried, { code: 'FAILURE_TYPE_PG', message: '사용자가 결제를 취소하였습니다.' })
  }
  finish(outcome, carried)
}

const shop = () => {
  const amount = money(Number(query.get('amount')), query.get('currency'))
  const account = query.get('method') === 'virtual_account'
  const pay = button('Pay {amount}', account ? '' : 'main', () => turn('paid'), { amount })
  const wait = button('Get a virtual account', account ? 'main' : '', () => turn('awaiting_deposit'))
  return [
    query.get('name'),
    amount,
    ...(account ? [wait, pay] : [pay, wait]),
    button('Have the card declined', '', () => turn('failed')),
    button('Close without paying', 'quiet', () => turn('abandoned')),
  ]
}

// The buyer's bank, where Stripe asks for 3-D Secure.
const bank = (intent) => {
  const authenticate = async (outcome) => {
    await play('stripe', 'pay', { payment_intent: intent.id, outcome })
    const after = await intentOf(intent.id, query.get('secret'))
    const error = after.status === 'requires_payment_method' ? after.last_payment_error : undefined
    finish(outcome, error ? { error } : { intent: after })
  }
  return [
    say('Your bank wants to know that it is you'),
    minor(intent.amount, intent.currency),
    button('Yes, it is me', 'main', () => authenticate('paid')),
    button('No: refuse', '', () => authenticate('failed')),
  ]
}

const show = ([title, amount, ...choices]) => {
  sheet.replaceChildren(
    make('p', { className: 'gateway' }, make('strong', {}, NAMES[gateway]), say('Simulated: no money moves')),
    make('h1', { id: 'title', dir: 'auto' }, title ?? ''),
    make('p', { className: 'amount' }, amount),
    make('p', { className: 'order' }, query.get('order') ?? query.get('intent')),
    make('p', { className: 'said', role: 'alert' }),
    make('div', { className: 'choices' }, ...choices),
  )
  document.title = say('Payment window')
  sheet.focus()
}

document.addEventListener('keydown', ({ key }) => {
  if (key === 'Escape') sheet.querySelector('button.quiet:enabled')?.click()
})
if (query.has('intent')) show(bank(await intentOf(query.get('intent'), query.get('secret'))))
else show(shop())
