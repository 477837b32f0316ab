// The payment window: the buyer's choices in it, and the way back to the shop. Everything that
// only one gateway does is in that gateway's own module.
import { make, money, play, query, say } from './words.js'

const prefix = location.pathname.split('/')[1]
const gateway = await import(`/${prefix}/_window/window.js`)
const sheet = document.querySelector('main')
// Over the shop's page, which has a main part of its own.
if (parent !== window) sheet.setAttribute('role', 'dialog')

// Back to the shop: by a message to the page below, or by an address of the shop.
const finish = (outcome, carried = {}) => {
  const back = query.get(carried.code || carried.error_code ? 'fail' : 'success')
  if (!back) {
    parent.postMessage({ outcome, carried }, query.get('origin'))
    return
  }
  const url = new URL(back)
  for (const [name, value] of Object.entries(gateway.inAddress(carried))) {
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
  const terms = { order_id: query.get('order'), outcome }
  const amount = Number(query.get('amount'))
  const carried = await play(prefix, 'pay', { ...terms, amount, currency: query.get('currency') })
  finish(outcome, gateway.carriedBack(outcome, carried))
}

const choices = () => {
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

const show = ([title, amount, ...buttons]) => {
  sheet.replaceChildren(
    make('p', { className: 'gateway' }, make('strong', {}, gateway.name), say('Simulated: no money moves')),
    make('h1', { id: 'title', dir: 'auto' }, title ?? ''),
    make('p', { className: 'amount' }, amount),
    make('p', { className: 'order' }, query.get('order') ?? query.get('intent')),
    make('p', { className: 'said', role: 'alert' }),
    make('div', { className: 'choices' }, ...buttons),
  )
  document.title = say('Payment window')
  sheet.focus()
}

document.addEventListener('keydown', ({ key }) => {
  if (key === 'Escape') sheet.querySelector('button.quiet:enabled')?.click()
})
show(await (gateway.choices ?? choices)(button, finish))
