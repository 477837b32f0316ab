// Events out: the app's endpoints, and what each of them was told.

import { html, nothing } from 'lit'
import { act, get, list, posted } from '../api.js'
import { ask } from '../dialog.js'
import { chip, customerLink, facts, filterBar, heading, pager, table, time } from '../parts.js'
import { exact, number, said, say } from '../words.js'

const STATES = ['pending', 'delivered', 'parked']

/** A secret is shown once, to whoever had it made. */
let secret = null

export async function load({ id, filters: { after, ...filters } }) {
  if (!id) {
    const [all, mails] = await Promise.all([get('endpoints'), list('mails', {}, after)])
    return { ...all, mails }
  }
  const [endpoint, delivery] = id.split('/')
  if (delivery) return get('delivery', delivery)
  const [one, all, page] = await Promise.all([get('endpoint', endpoint), get('endpoints'), list('deliveries', { endpoint, ...filters }, after)])
  return { ...one, types: all.types, page }
}

const stateOf = (row) => html`<span class="chip ${row.active ? (row.failing_since ? 'warn' : 'good') : 'bad'}">${row.active ? say(row.failing_since ? 'out.failing' : 'out.on') : said('out.off', row.off_reason)}</span>`
const kinds = (types) => (types ? types.join(', ') : say('out.every'))
const nameOfEndpoint = (row) => row.name || row.url

function secretCard(paint) {
  if (!secret) return nothing
  const gone = () => {
    secret = null
    paint()
  }
  return html`<section class="card"><h2>${say('out.secret')}</h2><p>${say('out.secret_once')}</p>
    <pre tabindex="0" role="group" aria-label=${say('out.secret')}>${secret}</pre>
    <div class="actions"><button type="button" class="main" @click=${() => navigator.clipboard?.writeText(secret)}>${say('out.copy')}</button>
      <button type="button" @click=${gone}>${say('out.noted')}</button></div></section>`
}

/** Kinds of events as boxes, where it is not told of all. */
const typeBoxes = (types) => (given, set) => (given.every ? nothing : html`<fieldset class="boxes"><legend>${say('out.types')}</legend>
  ${types.map((each) => html`<label class="check"><input type="checkbox" ?checked=${given.types.includes(each)} @change=${({ target }) => set('types', target.checked ? [...given.types, each] : given.types.filter((one) => one !== each))}><span class="mono">${each}</span></label>`)}
</fieldset>`)

const endpointFields = (row) => [
  { name: 'url', label: say('out.url'), value: row?.url ?? 'https://', required: true },
  { name: 'name', label: say('out.name'), value: row?.name ?? '' },
  { name: 'types', value: row?.types ?? [], only: () => false },
  { name: 'every', label: say('out.every'), type: 'checkbox', value: !row?.types },
]

const askAdd = (types) => ask({
  title: say('out.add_title'), text: say('out.add_text'), reasons: false, once: true, fields: endpointFields(), extra: typeBoxes(types),
  run: async (given, reason) => {
    const answer = await posted('endpoints', { url: given.url.trim(), name: given.name.trim(), reason, ...(given.every ? {} : { types: given.types }) })
    secret = answer.secret
  },
  verb: () => say('out.add'),
})

const askChange = (row, types) => ask({
  title: say('out.change_title', { name: nameOfEndpoint(row) }), reasons: false, fields: endpointFields(row), extra: typeBoxes(types),
  facts: (given) => [
    [say('out.url'), row.url, given.url],
    [say('out.name'), row.name || say('set.none'), given.name.trim() || say('set.none')],
    [say('out.types'), kinds(row.types), kinds(given.every ? null : given.types)],
  ],
  action: 'set_endpoint', about: row.id,
  values: (given) => ({ url: given.url.trim(), name: given.name.trim(), ...(given.every ? { every_type: true } : { types: given.types }) }),
  verb: () => say('out.change'),
})

const askRotate = (row) => ask({
  title: say('out.rotate_title', { name: nameOfEndpoint(row) }), text: say('out.rotate_text'), reasons: false, once: true,
  run: async (_, reason) => {
    const answer = await posted(`endpoints/${row.id}/rotate`, { reason })
    secret = answer.secret
  },
  verb: () => say('out.rotate'),
})

const askSwitch = (row) => ask({
  title: say(row.active ? 'out.off_title' : 'out.on_title', { name: nameOfEndpoint(row) }), text: say(row.active ? 'out.off_text' : 'out.on_text'),
  reasons: false, danger: row.active, action: 'set_endpoint', about: row.id, values: () => ({ active: !row.active }),
  verb: () => say(row.active ? 'out.off' : 'out.switch_on'),
})

const askTest = (row) => ask({ title: say('out.test_title', { name: nameOfEndpoint(row) }), text: say('out.test_text'), reasons: false, action: 'test_endpoint', about: row.id, verb: () => say('out.test') })

/** One event, what is parked, or all since a time; that goes on until all of it is due. */
function askReplay(row, event) {
  ask({
    title: say(event ? 'out.replay_one' : 'out.replay_title', { name: nameOfEndpoint(row) }), text: say('out.replay_text'), reasons: false,
    fields: event ? [] : [
      { name: 'what', label: say('out.what'), options: [['parked', say('out.parked_all', { count: number(row.parked) })], ['since', say('out.since')]], value: 'parked' },
      { name: 'since', label: say('filter.since'), type: 'datetime-local', required: true, only: ({ what }) => what === 'since' },
    ],
    run: async ({ what, since }, reason, key) => {
      let from = what === 'since' ? new Date(since).toISOString() : null
      let part = 0
      do {
        const { answer } = await act('replay_endpoint', row.id, reason, `${key} ${part++}`, { ...(event ? { event_id: event } : {}), ...(from ? { since: from } : {}) })
        from = event ? null : answer.next
      } while (from)
    },
    verb: () => say('hooks.replay'),
  })
}

export function view({ data, id, filters, go, paint, me }) {
  if (id.includes('/')) return oneDelivery(data)
  if (id) return oneEndpoint(data, id, filters, go, paint)
  return html`${heading(say('nav.events'), data.can.set_endpoint ? html`<button type="button" class="main" @click=${() => askAdd(data.types)}>${say('out.add')}</button>` : nothing)}
    ${secretCard(paint)}
    <section class="card flush">${table(say('nav.events'), [
      { name: say('col.endpoint'), main: true, cell: (row) => html`<a href="#/events/${row.id}">${nameOfEndpoint(row)}</a>${row.name ? html`<small>${row.url}</small>` : nothing}` },
      { name: say('out.types'), cell: (row) => html`<small>${kinds(row.types)}</small>`, quiet: true },
      { name: say('col.status'), cell: stateOf },
      { name: say('dl.pending'), end: true, cell: (row) => number(row.pending), quiet: true },
      { name: say('dl.parked'), end: true, cell: (row) => number(row.parked) },
    ], data.endpoints, { href: (row) => `#/events/${row.id}`, empty: say(me.can.set_endpoint ? 'out.empty' : 'console.none') })}</section>
    ${lostMails(data.mails, filters, go)}`
}

/** What a mail server said no to; nothing where it has not. */
const lostMails = (page, filters, go) => (page.items.length || filters.after ? html`<section class="card flush"><div class="title"><h2>${say('lost.title')}</h2></div>
  ${table(say('lost.title'), [
    { name: say('col.customer'), main: true, cell: (row) => (row.email ? html`<a href="#/customers/${row.user_id}"><bdi>${row.email}</bdi></a>` : customerLink(row.user_id)) },
    { name: say('lost.kind'), cell: (row) => html`<span class="mono">${row.kind}</span>`, quiet: true },
    { name: say('col.status'), cell: (row) => chip('lost', row.state) },
    { name: say('out.answer'), cell: (row) => html`${row.code ?? '–'}${row.answer ? html`<small><bdi>${row.answer}</bdi></small>` : nothing}` },
    { name: say('col.tries'), end: true, cell: (row) => number(row.tries), quiet: true },
    { name: say('col.when'), end: true, cell: (row) => time(row.at) },
  ], page.items, { empty: say('console.none') })}</section>${pager(page, filters, go)}` : nothing)

const columns = () => [
  { name: say('col.event'), main: true, cell: (row) => html`<a href="#/events/${row.endpoint_id}/${row.id}">${row.type}</a>` },
  { name: say('col.status'), cell: (row) => html`${chip('dl', row.state)}${row.next_try_at ? html`<small>${exact(row.next_try_at)}</small>` : nothing}` },
  { name: say('out.answer'), cell: (row) => row.status ?? row.error ?? '–' },
  { name: say('col.tries'), end: true, cell: (row) => number(row.tries), quiet: true },
  { name: say('col.took'), end: true, cell: (row) => (row.milliseconds == null ? '–' : `${number(row.milliseconds)} ms`), quiet: true },
  { name: say('col.when'), end: true, cell: (row) => time(row.happened_at) },
]

function oneEndpoint({ endpoint: row, actions, types, page, can }, id, filters, go, paint) {
  return html`<nav class="crumbs"><a href="#/events">${say('nav.events')}</a> / <span class="mono">${id}</span></nav>
    ${heading(html`${nameOfEndpoint(row)} ${stateOf(row)}`, html`
      ${can.set_endpoint ? html`<button type="button" @click=${() => askChange(row, types)}>${say('out.change')}</button>
        <button type="button" @click=${() => askRotate(row)}>${say('out.rotate')}</button>
        <button type="button" @click=${() => askSwitch(row)}>${say(row.active ? 'out.off' : 'out.switch_on')}</button>` : nothing}
      ${can.test_endpoint && row.active ? html`<button type="button" @click=${() => askTest(row)}>${say('out.test')}</button>` : nothing}
      ${can.replay_endpoint && row.active ? html`<button type="button" class="main" @click=${() => askReplay(row)}>${say('hooks.replay')}</button>` : nothing}`)}
    ${secretCard(paint)}
    ${row.failing_since ? html`<p class="notice">${say('out.failing_since', { time: exact(row.failing_since) })}</p>` : nothing}
    <div class="columns">
      <div class="stack">
        ${filterBar([
          { name: 'state', label: say('filter.state'), options: STATES.map((each) => [each, said('dl', each)]) },
          { name: 'type', label: say('col.event'), options: [...types, 'endpoint.test'].map((each) => [each, each]) },
        ], filters, go)}
        <section class="card flush">${table(say('out.deliveries'), columns(), page.items, {
          href: (each) => `#/events/${id}/${each.id}`, empty: say(page.next ? 'console.goes_on' : Object.keys(filters).length ? 'console.none_filtered' : 'out.silent'),
        })}</section>${pager(page, filters, go)}
      </div>
      <div class="stack">
        <section class="card">${facts([
          [say('out.url'), html`<span class="mono">${row.url}</span>`],
          [say('out.types'), kinds(row.types)],
          [say('dl.pending'), number(row.pending)],
          [say('dl.parked'), number(row.parked)],
          [say('out.key'), html`<span class="mono">${row.secret_key}</span>`],
          row.old_secret_until && [say('out.old_secret'), exact(row.old_secret_until)],
          [say('col.since'), exact(row.created_at)],
        ])}</section>
        ${actions.length ? html`<section class="card"><h2>${say('wallet.history')}</h2>${facts(actions.map((each) => [html`${said('act', each.action)} <small>${each.actor} · ${exact(each.at)}</small>`, each.reason || '–']))}</section>` : nothing}
      </div>
    </div>`
}

const oneDelivery = ({ delivery: it, body, endpoint, can }) => html`<nav class="crumbs"><a href="#/events">${say('nav.events')}</a> / <a href="#/events/${endpoint.id}">${nameOfEndpoint(endpoint)}</a> / <span>${it.id}</span></nav>
  ${heading(html`${it.type} ${chip('dl', it.state)}`, can.replay_endpoint && endpoint.active && it.state !== 'pending' && it.type !== 'endpoint.test' ? html`<button type="button" class="main" @click=${() => askReplay(endpoint, it.event_id)}>${say('hooks.replay')}</button>` : nothing)}
  <div class="columns">
    <section class="card"><h2>${say('hooks.body')}</h2><pre tabindex="0" role="group" aria-label=${say('hooks.body')}>${JSON.stringify(body, null, 2)}</pre>
      ${it.answer ? html`<h2>${say('out.answer')}</h2><pre tabindex="0" role="group" aria-label=${say('out.answer')}>${it.answer}</pre>` : nothing}</section>
    <section class="card">${facts([
      [say('out.event'), html`<span class="mono">${it.event_id}</span>`],
      it.user_id && [say('col.customer'), customerLink(it.user_id)],
      it.seq && [say('out.seq'), number(it.seq)],
      [say('out.answer'), it.status ?? it.error ?? '–'],
      [say('col.tries'), number(it.tries)],
      it.milliseconds != null && [say('col.took'), `${number(it.milliseconds)} ms`],
      [say('col.when'), exact(it.happened_at)],
      it.next_try_at && [say('out.next'), exact(it.next_try_at)],
      it.finished_at && [said('dl', it.state), exact(it.finished_at)],
    ])}</section>
  </div>`
