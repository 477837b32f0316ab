import { given, h } from '../dom.js'
import { moment, money, t, tokens } from '../text.js'

/** Tells an outcome. `actions` are what to do, by the names of their texts. */
export function notice(outcome, actions = {}) {
  const { kind, orderId } = outcome
  // A product without tokens; a debit, which needs no account to pay into.
  const plain = { purchased: !outcome.tokens, waiting: !outcome.account }[kind] ? '_plain' : ''
  const say = (part) => t(`${kind}.${part}${plain}`, values) ?? t(`${kind}.${part}`, values)
  const values = {
    tokens: tokens(outcome.tokens ?? 0),
    amount: outcome.currency ? money(outcome.amount, outcome.currency) : '',
    // In its own direction, and short enough for the sentence around it.
    name: `\u2068${[...(outcome.name ?? '')].slice(0, 60).join('')}\u2069`,
  }
  return h('section', { class: `notice ${kind}` },
    h('h3', {}, kind === 'checking' && h('span', { class: 'spinner', 'aria-hidden': 'true' }), say('title')),
    (values.amount || kind !== 'purchased') && given('p', say('text'), { title: null }),
    outcome.detail && given('p', outcome.detail, { class: 'detail quiet', tabindex: '0' }),
    kind === 'waiting' && account(outcome, values.amount),
    orderId && h('p', { class: 'quiet' }, t('order', { order: orderId })),
    Object.keys(actions).length > 0 && h('div', { class: 'actions' }, buttons(actions)))
}

const buttons = (actions) =>
  Object.entries(actions).map(([name, onclick], index) =>
    h('button', { type: 'button', class: name === 'close' ? 'plain small' : index ? 'plain' : null, onclick }, t(name)),
  )

function account({ account }, amount) {
  if (!account) return null
  const due = account.due_at && moment(account.due_at)
  const rows = { bank: account.bank, account: account.account_number, holder: account.holder, amount, due }
  const told = Object.entries(rows).filter(([, value]) => value)
  return h('dl', { class: 'account' },
    told.flatMap(([name, value]) => [
      h('dt', {}, t(name)),
      h('dd', {}, given('bdi', value, { class: 'figure' }), name === 'account' && copier(value)),
    ]))
}

/** The clipboard takes text from https pages only, and the person may forbid it. */
function copier(value) {
  const button = h('button', { type: 'button', class: 'plain small', onclick }, t('copy'))
  function onclick() {
    const said = (name) => () => (button.textContent = t(name))
    navigator.clipboard.writeText(value).then(said('copied'), said('not_copied'))
  }
  return navigator.clipboard && button
}
