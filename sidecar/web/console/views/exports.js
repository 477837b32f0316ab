// Whole lists as files: what is being taken out, how far it is, and what is saved of it.

import { html, nothing } from 'lit'
import { get } from '../api.js'
import { ask } from '../dialog.js'
import { fileOf, forget, halt, reading, run, sweep, whole } from '../files.js'
import { facts, heading } from '../parts.js'
import { complaint, exact, number, said, say } from '../words.js'

const LISTS = ['orders', 'refunds', 'subscriptions', 'entries', 'cash_receipts', 'actions']
const TYPES = { csv: 'text/csv;charset=utf-8', jsonl: 'application/x-ndjson' }

export async function load() {
  const exports = await get('exports')
  await sweep([...exports.map(({ id }) => id), ...reading()])
  return exports
}

/** A day as a filter of a list: its beginning where the operator is, and the beginning of the next. */
export const daysOf = ({ since, until }) => {
  const midnight = (day, later) => {
    const [year, month, date] = day.split('-').map(Number)
    const at = new Date(year, month - 1, date + later)
    return Number.isNaN(at.getTime()) ? day : at.toISOString()
  }
  return { ...(since ? { since: midnight(since, 0) } : {}), ...(until ? { until: midnight(until, 1) } : {}) }
}

const told = (filters) => Object.entries(filters).map(([name, value]) => `${said('filter', name)}: ${['since', 'until'].includes(name) ? exact(value) : value}`).join(', ')

function begun({ answer }, paint) {
  location.hash = '#/exports'
  run(answer, paint)
}

/** Begins an export of a list as it is filtered, and goes to where it is read. */
export const askExport = (list, filters = {}) => ask({
  title: say('exp.title', { name: said('exp.list', list) }), text: say('exp.text'), reasons: false,
  action: 'start_export', about: list,
  fields: [{ name: 'format', label: say('exp.format'), options: [['csv', 'CSV'], ['jsonl', 'JSON lines']], value: 'csv' }],
  facts: () => (Object.keys(filters).length ? [[say('exp.filters'), told(filters)]] : []),
  values: ({ format }) => ({ format, filters }),
  verb: () => say('exp.do'),
  then: begun,
})

export const exportButton = (me, list, filters) => (me.can.export ? html`<button type="button" @click=${() => askExport(list, filters)}>${say('exp.button')}</button>` : nothing)

const askNew = () => ask({
  title: say('exp.new_title'), text: say('exp.text'), reasons: false, action: 'start_export', subject: ({ list }) => list,
  fields: [
    { name: 'list', label: say('exp.of'), options: LISTS.map((each) => [each, said('exp.list', each)]), value: 'entries' },
    { name: 'format', label: say('exp.format'), options: [['csv', 'CSV'], ['jsonl', 'JSON lines']], value: 'csv' },
    { name: 'since', label: say('filter.since'), type: 'date' },
    { name: 'until', label: say('filter.until'), type: 'date' },
  ],
  values: ({ format, since, until }) => ({ format, filters: daysOf({ since, until }) }),
  verb: () => say('exp.do'), then: begun,
})

async function save({ id, list, format, until }, paint) {
  const file = await whole(id, TYPES[format])
  if (!file) {
    forget(id)
    return paint()
  }
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = `${list}-${until.slice(0, 10)}.${format}`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

function state(file) {
  if (file.failed) return file.failed.code ? complaint(file.failed) : say('exp.elsewhere')
  return say(file.done ? 'exp.ready' : file.running ? 'exp.running' : file.pages ? 'exp.paused' : 'exp.waiting')
}

function card(each, paint) {
  const file = fileOf(each.id)
  const name = said('exp.list', each.list)
  const percent = Math.round(file.share * 100)
  return html`<section class="card export">
    <div class="title"><h2>${name} <span class="chip plain">${each.format === 'csv' ? 'CSV' : 'JSON lines'}</span></h2></div>
    <progress max="100" .value=${percent} aria-label=${say('exp.progress', { name })}></progress>
    <p role="status">${state(file)} <b>${say('exp.rows', { count: number(file.rows) })}</b>${file.done ? nothing : html` <small>${percent}%</small>`}</p>
    ${facts([
      Object.keys(each.filters).length && [say('exp.filters'), told(each.filters)],
      [say('exp.until'), exact(each.until)],
      [say('exp.expires'), exact(each.expires_at)],
    ])}
    <div class="actions">
      ${file.done ? html`<button type="button" class="main" @click=${() => save(each, paint)}>${say('exp.save')}</button>`
        : file.running ? html`<button type="button" @click=${() => { halt(each.id); paint() }}>${say('exp.pause')}</button>`
        : html`<button type="button" class="main" @click=${() => run(each, paint)}>${say(file.pages ? 'exp.go_on' : 'exp.start')}</button>`}
      <button type="button" class="plain" @click=${() => { halt(each.id); ask({ title: say('exp.remove_title', { name }), text: say('exp.remove_text'), action: 'remove_export', about: each.id, reasons: false, danger: true, verb: () => say('exp.remove') }) }}>${say('exp.remove')}</button>
    </div>
  </section>`
}

export function view({ data, me, paint }) {
  return html`${heading(say('nav.exports'), me.can.export ? html`<button type="button" class="main" @click=${askNew}>${say('exp.new')}</button>` : nothing)}
    <p class="quiet">${say('exp.about')}</p>
    ${data.length ? html`<div class="cards wide-cards">${data.map((each) => card(each, paint))}</div>` : html`<section class="card"><p class="empty">${say(me.can.export ? 'exp.empty' : 'exp.none')}</p></section>`}`
}
