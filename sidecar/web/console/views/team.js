// Who may do what.

import { html, nothing } from 'lit'
import { get } from '../api.js'
import { ask } from '../dialog.js'
import { heading, table, time } from '../parts.js'
import { money, number, said, say } from '../words.js'

const ROLES = ['support', 'finance', 'owner']

export const load = () => get('team')

const limits = ({ limits: given }) => [
  given.tokens_a_day != null && say('team.tokens_limit', { count: number(given.tokens_a_day) }),
  ...Object.entries(given.refunds_a_day ?? {}).map(([currency, amount]) => money(amount, currency)),
].filter(Boolean).join(', ') || '–'

const whole = (value) => (String(value).trim() === '' ? null : Math.max(0, Math.trunc(Number(value))))

function askMember(me, member) {
  const currencies = [...new Set([...Object.keys(member?.limits.refunds_a_day ?? {}), ...me.currencies])]
  const limitsOf = (given) => {
    const refunds = Object.fromEntries(currencies.map((each) => [each, whole(given[each])]).filter(([, amount]) => amount !== null))
    const tokens = whole(given.tokens_a_day)
    return { ...(tokens === null ? {} : { tokens_a_day: tokens }), ...(Object.keys(refunds).length ? { refunds_a_day: refunds } : {}) }
  }
  ask({
    title: member ? say('team.change_title', { name: member.email ?? member.user_id }) : say('team.add_title'),
    action: 'set_operator', subject: (given) => member?.user_id ?? given.who,
    fields: [
      ...(member ? [] : [{ name: 'who', label: say('team.who'), required: true }]),
      { name: 'role', label: say('team.role'), options: ROLES.map((each) => [each, said('role', each)]), value: member?.role ?? 'support' },
      { name: 'tokens_a_day', label: say('team.tokens_a_day'), type: 'number', min: 0, value: member?.limits.tokens_a_day ?? '' },
      ...currencies.map((each) => ({ name: each, label: say('team.refunds_a_day', { currency: each }), type: 'number', min: 0, value: member?.limits.refunds_a_day?.[each] ?? '' })),
    ],
    reasons: false,
    facts: (given) => [
      [say('team.role'), member ? said('role', member.role) : '–', said('role', given.role)],
      [say('col.limits'), member ? limits(member) : '–', limits({ limits: limitsOf(given) })],
    ],
    values: (given) => ({ role: given.role, limits: limitsOf(given) }),
    verb: () => say(member ? 'team.change' : 'team.add'),
  })
}

export const view = ({ data, me }) => html`${heading(say('nav.team'), me.can.set_operator ? html`<button type="button" class="main" @click=${() => askMember(me)}>${say('team.add')}</button>` : nothing)}
  <section class="card flush">${table(say('nav.team'), [
    { name: say('col.person'), main: true, cell: (row) => html`<bdi>${row.email ?? row.user_id}</bdi>${row.active ? nothing : html` <span class="chip bad">${say('team.inactive')}</span>`}` },
    { name: say('col.role'), cell: (row) => said('role', row.role) },
    { name: say('col.limits'), cell: limits },
    { name: say('col.since'), cell: (row) => time(row.since), quiet: true },
    { name: say('col.last'), cell: (row) => time(row.last_action_at), quiet: true },
    ...(me.can.set_operator ? [{ name: say('col.action'), end: true, cell: (row) => html`
      <button type="button" class="small" @click=${() => askMember(me, row)}>${say('team.change')}</button>
      <button type="button" class="plain small" @click=${() => ask({ title: say('team.remove_title', { name: row.email ?? row.user_id }), action: 'remove_operator', about: row.user_id, facts: () => [[say('team.role'), said('role', row.role), '–']], danger: true, reasons: false, verb: () => say('team.remove') })}>${say('team.remove')}</button>` }] : []),
  ], data)}</section>`
