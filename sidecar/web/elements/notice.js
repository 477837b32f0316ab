// What became of a payment, told: what happened to the money, and what to do.

import { given, h } from '../dom.js'
import { moment, money, t, tokens } from '../text.js'

const TONES = {
  good: ['purchased'],
  warn: ['unknown', 'review', 'disputed'],
  bad: ['declined', 'script_failed', 'not_started', 'not_found', 'load_failed'],
  busy: ['checking'],
  info: ['waiting', 'open', 'signed_out', 'price_changed'],
}
const tone = (kind) => Object.keys(TONES).find((each) => TONES[each].includes(kind)) ?? ''

/** `actions` maps the name of a button's text to what it does. */
export function notice(outcome, actions = {}) {
  const { kind, orderId } = outcome
  const plain = kind === 'purchased' && !outcome.tokens
  const values = {
    tokens: tokens(outcome.tokens ?? 0),
    amount: outcome.currency ? money(outcome.amount, outcome.currency) : '',
    name: outcome.name ?? '',
  }
  return h(
    'section',
    { class: `notice ${tone(kind)}` },
    h(
      'h3',
      {},
      kind === 'checking' && h('span', { class: 'spinner', 'aria-hidden': 'true' }),
      t(plain ? `${kind}.title_plain` : `${kind}.title`, values),
    ),
    (values.amount || kind !== 'purchased') && given('p', t(`${kind}.text`, values), { title: null }),
    outcome.detail && given('p', outcome.detail, { class: 'detail quiet', tabindex: '0' }),
    kind === 'waiting' && account(outcome, values.amount),
    orderId && h('p', { class: 'quiet clip' }, t('order', { order: orderId })),
    Object.keys(actions).length > 0 && h('div', { class: 'actions' }, buttons(actions)),
  )
}

const buttons = (actions) =>
  Object.entries(actions).map(([name, onclick], index) =>
    h('button', { type: 'button', class: name === 'close' ? 'plain small' : index ? 'plain' : null, onclick }, t(name)),
  )

function account({ account }, amount) {
  if (!account) return null
  const due = account.due_at && moment(account.due_at)
  const rows = { bank: account.bank, account: account.account_number, holder: account.holder, amount, due }
  return h(
    'dl',
    { class: 'account' },
    Object.entries(rows)
      .filter(([, value]) => value)
      .flatMap(([name, value]) => [
        h('dt', {}, t(name)),
        h('dd', {}, given('bdi', value, { class: 'figure' }), name === 'account' && copier(value)),
      ]),
  )
}

function copier(value) {
  const button = h('button', { type: 'button', class: 'plain small', onclick }, t('copy'))
  async function onclick() {
    await navigator.clipboard?.writeText(value)
    button.textContent = t('copied')
  }
  return button
}
