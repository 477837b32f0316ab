// The payment window: the way to pay, the buyer's choices in it, and the way back to the shop.
// Everything that only one gateway does is in that gateway's own module.
import { storing } from './storing.js'
import { learn, make, money, play, query, say } from './words.js'

const prefix = location.pathname.split('/')[1]
const gateway = await import(`/${prefix}/_window/window.js`)
learn(gateway.words ?? {})
const sheet = document.querySelector('main')
const order = query.get('order')
// Over the shop's page, which has a main part of its own.
if (parent !== window) sheet.setAttribute('role', 'dialog')

// Of one order there may be windows in several tabs: the first that is paid ends the others.
const tabs = new BroadcastChannel(`window ${prefix}`)
tabs.onmessage = ({ data }) => {
  if (order && data === order) refused(new Error(say('This order was paid in another tab.')))
}

// Back to the shop: by a message to the page below, or by an address of the shop.
const finish = (outcome, carried = {}) => {
  if (order && (outcome === 'paid' || outcome === 'awaiting_deposit')) tabs.postMessage(order)
  const back = query.get(carried.code || carried.error_code ? 'fail' : 'success')
  if (!back) {
    parent.postMessage({ outcome, carried }, query.get('origin'))
    return
  }
  const url = new URL(back)
  const told = query.has('customer') ? carried : gateway.inAddress(carried)
  for (const [name, value] of Object.entries(told)) {
    if (value !== null) url.searchParams.set(name, value)
  }
  location.assign(url)
}

const refused = (error) => {
  const close = button('Back to the shop', '', () => finish('failed', gateway.refusal(error)))
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
  const terms = { order_id: order, outcome, method: outcome === 'paid' ? query.get('method') : undefined }
  const amount = Number(query.get('amount'))
  const carried = await play(prefix, 'pay', { ...terms, amount, currency: query.get('currency') })
  finish(outcome, gateway.carriedBack(outcome, carried))
}

const ISSUERS = ['신한카드', '국민카드', '삼성카드', '현대카드', '카카오뱅크카드']
const BANKS = ['신한은행', '국민은행', '우리은행', '하나은행', '카카오뱅크']
const CARRIERS = ['SKT', 'KT', 'LG U+', '알뜰폰']
// What the buyer fills in, by way to pay; another way opens the app of whoever it is of.
const FIELDS = {
  card: ['Card company', ISSUERS],
  transfer: ['Bank', BANKS],
  virtual_account: ['Bank', BANKS],
  mobile: ['Carrier', CARRIERS],
}

const fields = () => {
  const method = query.get('method') ?? 'card'
  const way = make('p', { className: 'way' }, make('strong', {}, say(query.get('label') ?? 'Card')))
  if (!FIELDS[method]) {
    way.append(make('span', {}, say('Approve the payment in the app.')))
    return way
  }
  const [name, options] = FIELDS[method]
  const select = make('select', {}, ...options.map((each) => make('option', {}, each)))
  way.append(make('label', {}, make('span', {}, say(name)), select))
  return way
}

const choices = () => {
  const amount = money(Number(query.get('amount')), query.get('currency'))
  const method = query.get('method') ?? 'card'
  const account = method === 'virtual_account'
  const pay = button('Pay {amount}', account ? '' : 'main', () => turn('paid'), { amount })
  const wait = button('Get a virtual account', account ? 'main' : '', () => turn('awaiting_deposit'))
  return [
    query.get('name'),
    amount,
    ...(account ? [wait, pay] : method === 'card' ? [pay, wait] : [pay]),
    button(method === 'card' ? 'Have the card declined' : 'Have it declined', '', () => turn('failed')),
    button('Close without paying', 'quiet', () => turn('abandoned')),
  ]
}

const show = ([title, amount, ...buttons]) => {
  sheet.replaceChildren(
    make('p', { className: 'gateway' }, make('strong', {}, gateway.name), say('Simulated: no money moves')),
    make('h1', { id: 'title', dir: 'auto' }, title ?? ''),
    make('p', { className: 'amount' }, amount),
    make('p', { className: 'order' }, order ?? query.get('intent') ?? ''),
    ...(gateway.choices || query.has('customer') ? [] : [fields()]),
    make('p', { className: 'said', role: 'alert' }),
    make('div', { className: 'choices' }, ...buttons),
  )
  document.title = say('Payment window')
  sheet.focus()
}

// The payment company behind the channel may want to know who buys.
const missing = async () => {
  if (gateway.choices || query.has('customer')) return []
  const { buyer_fields: wanted = [] } = await play(prefix, 'settings')
  const given = (query.get('buyer') ?? '').split(',')
  return wanted.filter((name) => !given.includes(name))
}

document.addEventListener('keydown', ({ key }) => {
  if (key === 'Escape') sheet.querySelector('button.quiet:enabled')?.click()
})
const shown = query.has('customer') ? storing(prefix, button, finish) : (gateway.choices ?? choices)(button, finish)
show(await shown)
const lacking = await missing().catch(() => [])
if (lacking.length > 0) {
  refused(Object.assign(new Error(`${say('The buyer’s details are missing')}: ${lacking}`), { code: 'BUYER_DETAILS_MISSING' }))
}
