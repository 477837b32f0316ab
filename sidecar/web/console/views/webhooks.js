// What payment companies told us, and what we made of it.

import { html, nothing } from 'lit'
import { get, list } from '../api.js'
import { ask } from '../dialog.js'
import { chip, facts, filterBar, heading, orderLink, pager, table, time } from '../parts.js'
import { number, said, say, when } from '../words.js'

const OUTCOMES = ['received', 'not_yet', 'failed', 'credited', 'reversed', 'restored', 'moved', 'unchanged', 'review', 'duplicate', 'refused', 'unknown_order']

export async function load({ id, filters: { after, ...filters } }) {
  if (id) return get('webhook', id)
  const [page, attention] = await Promise.all([list('webhooks', filters, after), get('attention')])
  return { ...page, last: attention.last_webhooks }
}

const replay = (id) => ask({ title: say('hooks.replay_title'), text: say('hooks.replay_safe'), action: 'replay_webhook', about: String(id), verb: () => say('hooks.replay') })
const replayAll = (gateway) => ask({ title: say('hooks.replay_all_title'), text: say('hooks.replay_safe'), action: 'replay_webhooks', about: gateway ?? '', values: () => ({ outcome: 'failed' }), verb: () => say('hooks.replay_all') })

export function view({ data, id, filters, go, me }) {
  if (id) return one(data, me)
  return html`${heading(say('nav.webhooks'), me.can.replay_webhooks ? html`<button type="button" @click=${() => replayAll(filters.gateway)}>${say('hooks.replay_all')}</button>` : nothing)}
    <section class="card strip">${Object.entries(data.last).map(([gateway, at]) => html`<div><b>${me.gateways[gateway] ?? gateway}</b><small>${at ? say('hooks.last', { time: when(at) }) : say('hooks.silent')}</small></div>`)}</section>
    ${filterBar([
      { name: 'outcome', label: say('filter.outcome'), options: OUTCOMES.map((each) => [each, said('wo', each)]) },
      { name: 'gateway', label: say('filter.gateway'), options: Object.entries(me.gateways) },
      { name: 'order', label: say('col.order') },
    ], filters, go)}
    <section class="card flush">${table(say('nav.webhooks'), [
      { name: say('col.event'), main: true, cell: (row) => html`<a href="#/webhooks/${row.id}">${row.event}</a>` },
      { name: say('col.gateway'), cell: (row) => me.gateways[row.gateway] ?? row.gateway },
      { name: say('col.order'), cell: (row) => orderLink(row.order_id), quiet: true },
      { name: say('col.outcome'), cell: (row) => chip('wo', row.outcome) },
      { name: say('col.tries'), end: true, cell: (row) => number(row.tries), quiet: true },
      { name: say('col.took'), end: true, cell: (row) => (row.seconds == null ? '–' : `${number(row.seconds)} s`), quiet: true },
      { name: say('col.when'), end: true, cell: (row) => time(row.received_at) },
    ], data.items, { href: (row) => `#/webhooks/${row.id}`, empty: say(data.next ? 'console.goes_on' : Object.keys(filters).length ? 'console.none_filtered' : 'hooks.silent') })}</section>${pager(data, filters, go)}`
}

const one = ({ webhook, body, headers, can }, me) => html`<nav class="crumbs"><a href="#/webhooks">${say('nav.webhooks')}</a> / <span>${webhook.id}</span></nav>
  ${heading(html`${webhook.event} ${chip('wo', webhook.outcome)}`, can.replay_webhook ? html`<button type="button" class="main" @click=${() => replay(webhook.id)}>${say('hooks.replay')}</button>` : nothing)}
  <div class="columns">
    <section class="card"><h2>${say('hooks.body')}</h2><pre>${JSON.stringify(body, null, 2)}</pre><h2>${say('hooks.headers')}</h2><pre>${JSON.stringify(headers, null, 2)}</pre></section>
    <section class="card">${facts([
      [say('col.gateway'), me.gateways[webhook.gateway] ?? webhook.gateway],
      [say('col.order'), orderLink(webhook.order_id)],
      webhook.payment_key && [say('col.key'), html`<span class="mono">${webhook.payment_key}</span>`],
      [say('col.tries'), number(webhook.tries)],
      [say('col.when'), time(webhook.received_at)],
      webhook.next_try_at && [say('over.webhook_next', { time: '' }), time(webhook.next_try_at)],
      webhook.detail && [say('col.reason'), webhook.detail],
    ])}</section>
  </div>`
