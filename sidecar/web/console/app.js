// The console: who is signed in, where they are, and what is shown there.

import { html, nothing, render } from 'lit'
import { connect, get } from './api.js'
import { dialogView, close, onDialog } from './dialog.js'
import { reading, sweep } from './files.js'
import { icon } from './parts.js'
import { savedViews } from './saved.js'
import { complaint, say, zone } from './words.js'
import * as catalogue from './views/catalogue.js'
import * as codes from './views/codes.js'
import * as customers from './views/customers.js'
import * as events from './views/events.js'
import * as exports from './views/exports.js'
import * as found from './views/found.js'
import * as log from './views/log.js'
import * as orders from './views/orders.js'
import * as overview from './views/overview.js'
import * as receipts from './views/receipts.js'
import * as refunds from './views/refunds.js'
import * as reports from './views/reports.js'
import * as review from './views/review.js'
import * as settings from './views/settings.js'
import * as subscriptions from './views/subscriptions.js'
import * as team from './views/team.js'
import * as webhooks from './views/webhooks.js'

const VIEWS = { overview, orders, customers, review, refunds, receipts, subscriptions, catalogue, codes, webhooks, events, reports, exports, settings, team, log, search: found }
const MENU = [[null, ['overview', 'orders', 'customers', 'review', 'refunds', 'receipts', 'subscriptions']], ['selling', ['catalogue', 'codes']], ['operations', ['webhooks', 'events', 'reports', 'exports', 'settings', 'team', 'log']]]
const KEYS = { o: 'overview', r: 'orders', c: 'customers', q: 'review', f: 'refunds', s: 'subscriptions', w: 'webhooks', e: 'events' }
const IDLE_MS = 30 * 60_000
const SLOW_MS = 200

const state = { me: null, said: null, route: null, data: null, error: null, loading: false, attention: null, menu: false, toast: null, help: false, shown: null }
let config
let client
let turn = 0
let begun = null

const root = () => document.querySelector('#console')

// ---- where somebody is ----

/** `#/orders/ord_1?status=refunded` as {name, id, filters}. */
function routeOf(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?')
  const [name = '', ...rest] = path.split('/')
  return { name: name || 'overview', id: decodeURIComponent(rest.join('/')), filters: Object.fromEntries(new URLSearchParams(query)) }
}

function go(changed) {
  const { name, id, filters } = state.route
  const all = Object.entries({ ...filters, ...changed }).filter(([, value]) => value !== undefined && value !== '')
  const query = new URLSearchParams(all.map(([key, value]) => [key, String(value)])).toString()
  location.hash = `#/${name}${id ? `/${encodeURIComponent(id)}` : ''}${query ? `?${query}` : ''}`
}

/** What is here, read again; what comes after another was asked for is forgotten. */
async function load({ keep = false } = {}) {
  const mine = ++turn
  const view = VIEWS[state.route.name]
  if (!keep) state.data = null
  Object.assign(state, { error: null, loading: false })
  const late = setTimeout(() => {
    state.loading = true
    paint()
  }, SLOW_MS)
  try {
    const data = view ? await view.load({ ...state.route, me: state.me }) : null
    if (mine === turn) Object.assign(state, { data, shown: state.route })
  } catch (error) {
    if (mine === turn) state.error = error
  } finally {
    clearTimeout(late)
    if (mine === turn) state.loading = false
  }
  if (mine === turn) paint()
}

async function arrive() {
  const before = state.route
  state.route = routeOf(location.hash)
  Object.assign(state, { menu: false, help: false })
  if (!state.me) return paint()
  const elsewhere = before?.name !== state.route.name || before?.id !== state.route.id
  await load({ keep: !elsewhere })
  if (elsewhere) document.querySelector('main h1')?.focus({ preventScroll: true })
  if (elsewhere) scrollTo(0, 0)
}

async function after(answer) {
  state.toast = answer?.replayed ? say('console.again') : say('console.saved')
  await load({ keep: true })
  refreshAttention()
  setTimeout(() => {
    state.toast = null
    paint()
  }, 4000)
}

async function refreshAttention() {
  state.attention = await get('attention').catch(() => state.attention)
  paint()
}

// ---- who is signed in ----

async function enter(event) {
  event.preventDefault()
  const { email, password } = Object.fromEntries(new FormData(event.target))
  await signIn(email, password)
}

async function signIn(email, password) {
  state.said = null
  const { error } = await client.auth.signInWithPassword({ email, password })
  if (error) state.said = say(error.code === 'invalid_credentials' ? 'console.wrong' : 'console.failed')
  paint()
}

async function leave(said = null) {
  state.me = null
  state.said = said
  begun = null
  await sweep()
  await client.auth.signOut({ scope: 'local' }).catch(() => null)
  paint()
}

async function onSession(session) {
  if (!session) {
    if (state.me) state.said ??= say('console.ended')
    Object.assign(state, { me: null, data: null })
    return paint()
  }
  if (begun === session.user.id) return
  begun = session.user.id
  try {
    state.me = { ...(await get('me')), pages: config.paymentPages ?? {} }
    state.said = null
  } catch (error) {
    const denied = error.code === 'forbidden'
    return leave(denied ? say('console.no_operator') : complaint(error))
  }
  await arrive()
  refreshAttention()
}

let used = Date.now()
for (const each of ['pointerdown', 'keydown']) document.addEventListener(each, () => { used = Date.now() }, { passive: true })
setInterval(() => {
  if (state.me && !reading().length && Date.now() - used > IDLE_MS) leave(say('console.idle'))
}, 30_000)

// ---- what is shown ----

const login = () => html`<main class="login" id="main"><form class="card" @submit=${enter}>
  <h1>${say('console.sign_in_title')}</h1>
  ${config.people?.length ? html`<div class="people">${config.people.map((each) => html`<button type="button" @click=${() => signIn(each, 'coinslot')}>${say('console.as', { who: each })}</button>`)}</div>` : nothing}
  <label><span>${say('console.email')}</span><input name="email" type="email" autocomplete="username" required></label>
  <label><span>${say('console.password')}</span><input name="password" type="password" autocomplete="current-password" required></label>
  ${state.said ? html`<p class="said" role="alert">${state.said}</p>` : nothing}
  <button type="submit" class="main">${say('console.sign_in')}</button>
</form></main>`

const counted = (name) => {
  const count = { review: state.attention?.cases, webhooks: state.attention?.webhooks, refunds: state.attention?.refunds, events: state.attention?.endpoints }[name]
  return count ? html`<span class="count">${count > 999 ? '999+' : count}</span>` : nothing
}

const menu = () => html`<nav id="menu" class=${state.menu ? 'open' : ''} aria-label=${say('console.nav')}>
  <a class="brand" href="#/overview"><b aria-hidden="true"></b>Coinslot <span class="mode ${state.me.live ? 'live' : ''}">${say(state.me.live ? 'console.live' : 'console.test')}</span></a>
  ${MENU.map(([group, names]) => html`${group ? html`<p>${say(`nav.${group}`)}</p>` : nothing}
    ${names.map((name) => html`<a href="#/${name}" aria-current=${state.route.name === name ? 'page' : nothing}>${icon(name)}<span>${say(`nav.${name}`)}</span>${counted(name)}</a>`)}`)}
</nav>`

function books() {
  const ledger = state.attention?.ledger
  if (!ledger) return html`<span class="chip plain">${say('over.unchecked')}</span>`
  return ledger.wallets ? html`<a class="chip bad" href="#/review?kind=ledger_unsound">${say('over.unbalanced', { count: ledger.wallets })}</a>` : html`<span class="chip good">${say('over.books')}</span>`
}

const find = (event) => {
  event.preventDefault()
  const q = event.target.q.value.trim()
  if (q) location.hash = `#/search?${new URLSearchParams({ q })}`
}

const language = () => (document.documentElement.lang === 'ko' ? 'en' : 'ko')

const header = () => html`<header>
  <button type="button" class="plain burger" aria-expanded=${state.menu} aria-controls="menu" aria-label=${say('console.menu')} @click=${() => { state.menu = !state.menu; paint() }}>${icon('menu')}</button>
  <form role="search" @submit=${find}>${icon('search')}<input name="q" type="search" aria-label=${say('search.label')} placeholder=${say('search.label')} autocomplete="off"><kbd aria-hidden="true">/</kbd></form>
  <div class="account">${books()}
    <details class="person"><summary><bdi>${state.me.email}</bdi></summary><div class="card">
      <p>${say(`role.${state.me.role}`)}</p><p class="quiet">${say('console.zone', { zone: zone() })}</p>
      <a href="?lang=${language()}" lang=${language()}>${say('console.language')}</a>
      <button type="button" class="plain" @click=${() => { state.help = true; paint() }}>${say('console.keys')}</button>
      <button type="button" class="plain" @click=${() => leave()}>${say('console.sign_out')}</button>
    </div></details>
  </div>
</header>`

const help = () => html`<section class="card keys" role="dialog" aria-label=${say('keys.title')}><h2>${say('keys.title')}</h2>
  <dl class="facts">${[['/', 'search'], ['g o', 'overview'], ['g r', 'orders'], ['g c', 'customers'], ['g q', 'review'], ['g f', 'refunds'], ['g s', 'subscriptions'], ['g w', 'webhooks'], ['g e', 'events'], ['j k', 'rows'], ['Enter', 'open'], ['?', 'list']].map(([key, name]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${say(`keys.${name}`)}</dd></div>`)}</dl>
  <label class="check"><input type="checkbox" ?checked=${lettersOn()} @change=${({ target }) => localStorage.setItem('coinslot-console-keys', target.checked ? 'on' : 'off')}><span>${say('keys.off')}</span></label>
  <button type="button" @click=${() => { state.help = false; paint() }}>${say('console.close')}</button></section>`

function content() {
  const view = VIEWS[state.route.name]
  if (!view) return html`<h1 tabindex="-1">${say('console.not_found')}</h1>`
  const failed = state.error && html`<p class="notice" role="alert">${state.error.lost ? say('console.failed') : complaint(state.error)} <button type="button" class="small" @click=${() => load({ keep: true })}>${say('console.retry')}</button></p>`
  if (!state.data) return html`${failed ? html`<h1 tabindex="-1">${say(`nav.${state.route.name}`) ?? say('console.title')}</h1>${failed}` : nothing}${state.loading ? html`<p class="unseen" role="status">${say('console.loading')}</p><div class="skeleton" aria-hidden="true">${Array.from({ length: 8 }, () => html`<i></i>`)}</div>` : nothing}`
  return html`${failed || nothing}<div class="page ${state.loading ? 'stale' : ''}" aria-busy=${state.loading}>${savedViews(state.route, state.me, paint)}${view.view({ ...state.route, data: state.data, me: state.me, go, paint })}</div>`
}

function paint() {
  if (!config) return
  document.title = `${state.me && VIEWS[state.route?.name] && state.route.name !== 'search' ? say(`nav.${state.route.name}`) : say('console.title')} · Coinslot`
  const inside = !state.me ? login() : html`${menu()}<div class="side">${header()}
    <main id="main" tabindex="-1">${state.help ? help() : nothing}${content()}</main></div>`
  render(html`${inside}<p class="toast" role="status">${state.toast ?? ''}</p>${dialogView()}`, root())
}

// ---- the keyboard ----

const lettersOn = () => localStorage.getItem('coinslot-console-keys') !== 'off'
let waiting = false

function step(by) {
  const rows = [...document.querySelectorAll('main tr.opens')]
  const at = rows.findIndex((row) => row.contains(document.activeElement))
  const next = rows[Math.min(rows.length - 1, Math.max(0, at + by))]
  next?.querySelector('a, button')?.focus()
}

function onKey(event) {
  const { key, target } = event
  if (!state.me || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return
  if (key === 'Escape') {
    Object.assign(state, { help: false, menu: false })
    return paint()
  }
  if (target.closest('input, select, textarea') || !lettersOn()) return
  if (waiting) {
    waiting = false
    if (KEYS[key]) location.hash = `#/${KEYS[key]}`
    return
  }
  if (key === '/') {
    event.preventDefault()
    document.querySelector('[role=search] input')?.focus()
  } else if (key === 'g') {
    waiting = true
    setTimeout(() => { waiting = false }, 1500)
  } else if (key === 'j' || key === 'k') step(key === 'j' ? 1 : -1)
  else if (key === '?') {
    state.help = true
    paint()
  }
}

/** A row opens where it is pressed, but for what in it does something else. */
function onPress({ target }) {
  const row = target.closest('tr.opens')
  if (row && !target.closest('a, button') && !getSelection()?.toString()) location.hash = row.dataset.href
}

/** Begins with the settings of the page and a client for Auth and the database. */
export function begin(settings, made) {
  config = settings
  client = made
  connect(client)
  onDialog(paint, after)
  state.route = routeOf(location.hash)
  addEventListener('hashchange', () => {
    close()
    arrive()
  })
  document.addEventListener('keydown', onKey)
  document.addEventListener('click', onPress)
  document.addEventListener('console-ended', () => leave(say('console.ended')))
  paint()
  client.auth.onAuthStateChange((_, session) => setTimeout(() => onSession(session)))
}
