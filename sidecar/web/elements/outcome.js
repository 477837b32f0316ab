// What became of a payment, told in one form: a mark, a headline, a sentence, facts, what to do.

import { html, nothing } from 'lit'
import { balance } from '../balance.js'
import { money, moment, nameOf, quoted, t, tokens, wayOf } from '../text.js'
import { icon } from './icons.js'
import { given, supportAddress } from './words.js'

const MOST = 200 // characters of somebody else's words

const MARKS = {
  purchased: ['good', 'check'],
  waiting: ['accent', 'clock'],
  unknown: ['warn', 'question'],
  review: ['warn', 'flag'],
  disputed: ['warn', 'flag'],
  signed_out: ['accent', 'person'],
  declined: ['bad', 'cross'],
  script_failed: ['bad', 'cross'],
  not_started: ['bad', 'cross'],
  load_failed: ['bad', 'cross'],
}
const CALM = ['calm', 'back']

/** Kinds of which it is certain that no money was taken. */
export const UNTAKEN = [
  'closed', 'declined', 'canceled', 'expired', 'voided', 'gone', 'price_changed', 'not_started',
  'script_failed', 'too_many', 'gateway_off', 'code_refused',
]

/** Its headline and its sentence. */
export function told(outcome) {
  const { kind } = outcome
  if (lasts(outcome)) return { title: t('checking.title'), text: t('checking.long') }
  // A product without tokens; a debit, which needs no account to pay into.
  const plain = { purchased: !outcome.tokens, waiting: !outcome.account }[kind] ? '_plain' : ''
  const values = {
    tokens: tokens(outcome.tokens ?? 0),
    amount: amountOf(outcome),
    name: quoted(nameOf(outcome)),
    due: outcome.account?.due_at ? moment(outcome.account.due_at) : '',
    method: kind === 'returned' ? wayOf(outcome.method) : methodOf(outcome),
  }
  const part = (name) => t(`${kind}.${name}${variant(outcome) || plain}`, values) ?? t(`${kind}.${name}`, values)
  return { title: part('title'), text: part('text') }
}

/** After this many milliseconds nobody should wait before a screen. */
export const LONG_MS = 20_000
const lasts = ({ kind, since }) => kind === 'checking' && Date.now() - since >= LONG_MS

/** `_other` where it was no card that was declined, `_vbank` where an account has expired. */
function variant({ kind, method, account }) {
  if (kind === 'declined' && method && method !== 'card') return '_other'
  if (kind === 'expired' && account) return '_vbank'
  if (kind === 'waiting' && account && !account.due_at) return '_undated'
  return ''
}

const amountOf = ({ amount, currency }) => (currency ? money(amount, currency) : '')
const methodOf = ({ method }) => t(`method.${method}`) ?? t('method')

/** Everything, over the whole width. `actions` are what to do, by the names of their texts. */
export function result(outcome, actions = {}) {
  const { title, text } = told(outcome)
  return html`<section class="told result ${outcome.kind}" part="result">
    ${mark(outcome.kind)}
    <div>
      <h2 id="result" tabindex="-1">${title}</h2>
      <p class="say">${text}</p>
      ${exact(outcome)}
    </div>
    ${facts(outcome)} ${receipt(outcome)} ${buttons(actions)} ${foot(outcome)}
  </section>`
}

/** The same in a few lines, of one order among others. */
export function note(outcome, actions = {}) {
  const { title, text } = told(outcome)
  return html`<section class="told note ${outcome.kind}">
    ${mark(outcome.kind)}
    <div class="body">
      <h2>${title}</h2>
      <p class="say">${text}</p>
      ${facts(outcome)} ${receipt(outcome)} ${buttons(actions)} ${foot(outcome)}
    </div>
  </section>`
}

/** Why nothing was begun, above the button that was pressed. */
export function refusal(outcome, actions = {}) {
  const { title, text } = told(outcome)
  return html`<div class="told refusal ${outcome.kind}">
    <h3>${title}</h3>
    <p>${text}</p>
    ${reason(outcome) ?? nothing} ${buttons(actions)}
  </div>`
}

/** The same, where a sentence says enough. */
export function refused(outcome, actions) {
  const line = outcome.text ?? (outcome.kind === 'closed' ? t('closed.inline') : null)
  return line ? html`<p class="told refusal ${outcome.kind}">${line}</p>` : refusal(outcome, actions)
}

/** For those who hear it. */
export function said(outcome) {
  const { title, text } = outcome.text ? outcome : told(outcome)
  return [title, text].filter(Boolean).join('. ')
}

function mark(kind) {
  if (kind === 'checking') return html`<span class="mark"><span class="spinner" aria-hidden="true"></span></span>`
  const [tone, picture] = MARKS[kind] ?? CALM
  return html`<span class="mark ${tone}">${icon(picture)}</span>`
}

const exact = ({ kind, account, amount, currency }) =>
  kind === 'waiting' && account ? html`<p class="say">${t('waiting.exact', { amount: money(amount, currency) })}</p>` : nothing

const reason = ({ detail }) =>
  detail && html`<p class="quiet">${t('reason_bank')}: ${given([...detail].slice(0, MOST).join(''))}</p>`

const ORDERED = ['unknown', 'open', 'canceled', 'expired', 'voided']

function facts(outcome) {
  const { kind, account, detail, paid, currency } = outcome
  const amount = amountOf(outcome)
  const method = outcome.method && t(`method.${outcome.method}`)
  const known = {
    purchased: () => [['paid', amount], ['method', method], ['balance.label', owned(outcome)]],
    waiting: () => (account ? accountFacts(account, amount) : [['amount_plain', amount], ['method', method]]),
    declined: () => [['reason_bank', detail && [...detail].slice(0, MOST).join('')]],
    review: () => [['ordered', amount], ['received', paid && money(paid, currency)]],
    disputed: () => [['paid', amount]],
  }
  const ordered = () => [['product', outcome.name && [nameOf(outcome), amount].filter(Boolean).join(' · ')]]
  const rows = (known[kind] ?? (ORDERED.includes(kind) ? ordered : () => []))().filter(([, value]) => value)
  return rows.length
    ? html`<dl class="facts">${rows.map(([name, value, big]) => html`<div>
        <dt>${t(name)}</dt><dd class=${big ? 'big figure' : 'figure'}>${given(value)}</dd></div>`)}</dl>`
    : nothing
}

const owned = ({ tokens: bought }) => (bought && balance.tokens !== null ? tokens(balance.tokens) : null)

const accountFacts = ({ bank, account_number: account, holder }, amount) => [
  ['bank', bank], ['account', account, true], ['holder', holder], ['amount', amount],
]

const QUIET = ['cancel_order', 'receipt']

function buttons(actions) {
  const all = Object.entries(actions)
  return all.length
    ? html`<div class="actions">${all.map(([name, onclick], index) =>
        html`<button type="button" name=${name} class=${index || QUIET.includes(name) ? 'plain' : ''} @click=${onclick}
          .textContent=${t(name)}></button>`)}</div>`
    : nothing
}

/** Its cash receipt, where the page has the element of that. */
const receipt = ({ kind, orderId, method }) => /purchased|waiting/.test(kind)
  ? html`<coinslot-cash-receipt order=${orderId} method=${method}></coinslot-cash-receipt>`
  : nothing

/** Whom to ask, and about which order. */
function foot({ kind, orderId }) {
  const support = supportAddress(orderId)
  const copyable = orderId && navigator.clipboard
  if (!support && !orderId) return nothing
  return html`<p class="foot">
    ${support ? html`<a href=${support}>${t('support')}</a>` : nothing}
    ${copyable && kind !== 'checking'
      ? html`<button type="button" class="order" aria-label=${t('copy_order', { order: short(orderId) })}
          @click=${(event) => copy(event.currentTarget, orderId)} .textContent=${short(orderId)}></button>`
      : orderId && html`<span class="order">${short(orderId)}</span>`}
  </p>`
}

const short = (orderId) => (orderId.length > 16 ? `${orderId.slice(0, 8)}…${orderId.slice(-4)}` : orderId)

/** Says on the button how it went: the clipboard takes text from https pages only, and may be forbidden. */
export async function copy(button, text) {
  const said = await navigator.clipboard.writeText(text).then(() => 'copied', () => 'not_copied')
  button.setAttribute('aria-label', t(said))
  button.textContent = t(said)
}

/** The action that writes to the shop, where it has an address. */
export function contact({ orderId }) {
  const address = supportAddress(orderId)
  return address ? { support: () => location.assign(address) } : {}
}

/** The action that copies an account's number, where anything can be copied. */
export const copyAccount = ({ account }) =>
  account && navigator.clipboard
    ? { copy_account: (event) => copy(event.currentTarget, account.account_number) }
    : {}
