// The bank at which virtual accounts are paid into: it lists all that wait, at every gateway.
import { make, play, say } from './words.js'

// Of each gateway its prefix and its own module.
const gateways = async () => {
  const { simulators } = await (await fetch('/_sim/health')).json()
  const opened = simulators.map(async (prefix) => [prefix, await import(`/${prefix}/_window/window.js`)])
  return Promise.all(opened)
}

const waitingAt = async ([gateway, { waiting }]) => {
  const { payments } = await play(gateway, 'payments')
  return payments.map(waiting).filter(Boolean).map((each) => ({ ...each, gateway }))
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

const waiting = (await Promise.all((await gateways()).map(waitingAt))).flat().reverse()
const sheet = document.querySelector('main')
sheet.append(
  make('p', { className: 'gateway' }, make('strong', {}, say('The simulated bank')), say('Simulated: no money moves')),
  make('h1', { id: 'title' }, say('Accounts that wait for a deposit')),
  waiting.length
    ? make('ul', {}, ...waiting.map(row))
    : make('p', {}, say('Nobody waits for a deposit.')),
)
document.title = say('The simulated bank')
