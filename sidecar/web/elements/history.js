import { config, news, session } from '../client.js'
import { CoinslotElement, given, h } from '../dom.js'
import { GATEWAYS } from '../gateways/index.js'
import { day, locale, money, number, t, time } from '../text.js'

const PAGE = 30
const PAYMENT = 'order_id,name,amount,currency,status,gateway,product:token_products(name_ko)'
const ORDERS = `id,tokens,created_at,virtual_account,${PAYMENT}`
const ENTRIES = `seq,kind,delta,balance,feature,reason,created_at,payment:token_payments(${PAYMENT})`

/** The ledger, newest first, and with it the payments that have moved no tokens. */
export class CoinslotHistory extends CoinslotElement {
  #sources = []
  #user = null
  #shown = []
  #kept = 0 // of those, how many the next ones come after
  #state = 'loading'
  #run = 0
  #list = null
  #foot = null
  #watcher = null

  start() {
    this.on(news, 'purchased signed changed', () => this.reload())
    this.render()
    this.reload()
  }

  disconnectedCallback() {
    super.disconnectedCallback()
    this.#watcher?.disconnect()
  }

  /** Anew: an end that stays in sight is not told twice. */
  #watch() {
    this.#watcher?.disconnect()
    this.#watcher = new IntersectionObserver(
      ([end]) => end.isIntersecting && this.#state === 'more' && this.#next(),
      { rootMargin: '400px' },
    )
    this.#watcher.observe(this.#foot)
  }

  reload() {
    this.#run += 1
    const source = (read) => ({ read, rows: [], last: null, ended: false })
    this.#sources = [readEntries, readOrders].map(source)
    this.#kept = 0
    return this.#next()
  }

  async #next() {
    const run = this.#run
    this.#tell('loading')
    const found = []
    const state = await this.#read(found).catch(() => 'failed')
    if (run !== this.#run) return // begun anew meanwhile
    if (found.length || state !== 'failed') {
      this.#shown = [...this.#shown.slice(0, this.#kept), ...found]
      this.#fill(this.#kept)
      this.#kept = this.#shown.length
    }
    this.#tell(state)
  }

  async #read(found) {
    const sources = this.#sources
    const user = (await session())?.userId
    if (user !== this.#user) this.#shown = [] // not for these eyes
    this.#user = user
    this.#fill(this.#shown.length)
    return user ? merge(sources, user, found) : 'end'
  }

  render() {
    this.#list ??= h('ol')
    this.#foot ??= h('div', { class: 'foot', role: 'status' })
    this.#list.setAttribute('aria-label', t('history.title'))
    this.show(this.#list, this.#foot)
    this.#fill(0)
    this.#tell(this.#state)
  }

  #fill(from) {
    if (from === 0) this.#list.replaceChildren()
    this.#shown.slice(from).forEach((entry, index) => {
      const date = day(entry.created_at)
      const above = this.#shown[from + index - 1]
      if (!above || day(above.created_at) !== date) this.#list.append(h('li', { class: 'day' }, date))
      this.#list.append(entry.seq ? ledgerRow(entry) : orderRow(entry))
    })
  }

  #tell(state) {
    this.#state = state
    this.#list.setAttribute('aria-busy', state === 'loading')
    const more = (name) =>
      h('button', { type: 'button', class: 'plain small', onclick: () => this.#next() }, t(name))
    const foot = {
      loading: () => [h('p', { class: 'quiet' }, t('history.loading'))],
      failed: () => [h('p', { class: 'quiet' }, t('history.failed')), more('again')],
      more: () => [more('history.more')],
      end: () => (this.#shown.length ? [] : [h('p', { class: 'quiet' }, t('history.empty'))]),
    }
    this.#foot.replaceChildren(...foot[state]())
    if (state === 'more') this.#watch()
  }
}

/** By its number, which costs the same at any depth. */
function readEntries(user, last) {
  const query = config.supabase.from('token_ledger').select(ENTRIES).eq('user_id', user)
  return (last ? query.lt('seq', last.seq) : query).order('seq', { ascending: false })
}

function readOrders(user, last) {
  const query = config.supabase
    .from('token_payments')
    .select(ORDERS)
    .eq('user_id', user)
    .or('confirmed_at.is.null,tokens.eq.0')
    .order('created_at', { ascending: false })
    .order('id', { ascending: false })
  if (!last) return query
  const { created_at: at, id } = last
  return query.or(`created_at.lt."${at}",and(created_at.eq."${at}",id.lt.${id})`)
}

async function fill(source, user) {
  if (source.ended || source.rows.length) return
  const { data } = await source.read(user, source.last).limit(PAGE).throwOnError()
  source.rows = data
  source.ended = data.length < PAGE
  source.last = data.at(-1)
}

/** Into `found`, which keeps its rows when a read fails. */
async function merge(sources, user, found) {
  while (found.length < PAGE) {
    await Promise.all(sources.map((each) => fill(each, user)))
    const [next] = sources
      .filter((each) => each.rows.length)
      .sort((a, b) => Date.parse(b.rows[0].created_at) - Date.parse(a.rows[0].created_at))
    if (!next) break
    found.push(next.rows.shift())
  }
  return sources.some((each) => each.rows.length || !each.ended) ? 'more' : 'end'
}

const nameOf = (payment) => (locale() === 'ko' && payment.product?.name_ko) || payment.name

function ledgerRow({ kind, delta, balance, feature, reason, created_at: at, payment }) {
  const what = payment ? nameOf(payment) : feature ? (t(`feature.${feature}`) ?? feature) : reason
  const label = t(`kind.${kind}`) ?? kind
  const price = kind === 'purchase' && payment && money(payment.amount, payment.currency)
  const change = number(delta, { signDisplay: 'always' })
  const notes = [time(at), what && label, price]
  return row(delta > 0 ? 'gain' : '', what || label, notes, change, t('history.balance', { count: number(balance) }))
}

function orderRow(order) {
  const paid = !['pending', 'failed', 'canceled', 'expired', 'voided'].includes(order.status)
  const { bank, account_number: account } = (order.status === 'awaiting_deposit' && order.virtual_account) || {}
  const notes = [time(order.created_at), GATEWAYS[order.gateway]?.name[locale()], account && `${bank ?? ''} ${account}`]
  const price = money(order.amount, order.currency)
  // A bank's debit needs no account to pay into.
  const plain = order.status === 'awaiting_deposit' && !account ? '_plain' : ''
  return row(paid ? '' : 'void', nameOf(order), notes, price, t(`status.${order.status}${plain}`) ?? order.status)
}

function row(kind, title, notes, amount, note) {
  return h('li', { class: `entry ${kind}` },
    given('span', title, { class: 'title clip' }),
    h('span', { class: 'amount figure' }, amount),
    h('span', { class: 'quiet' }, notes.filter(Boolean).join(' · ')),
    h('span', { class: 'quiet figure' }, note))
}
