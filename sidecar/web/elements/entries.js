// The pages of a person's history: the ledger and the payments that have moved no tokens, by time.

import { config, inTheNameOf } from '../client.js'

const PAGE = 30
const MOST_OPEN = 50
const PAYMENT = 'order_id,name,name_ko,amount,currency,status,gateway,method,refunded'
const ENTRIES = `seq,kind,delta,balance,feature,reason,created_at,payment:token_payments(${PAYMENT})`
const ORDERS = `id,product_id,tokens,created_at,confirmed_at,virtual_account,failure_reason,${PAYMENT}`
const KINDS = {
  purchases: ['purchase', 'refund', 'dispute', 'reversal', 'test_reversal'],
  usage: ['spend', 'spend_refund'],
}

/** Reads page after page of what `filter` lets through: all, purchases or usage. */
export class Entries {
  #user
  #sources

  constructor(user, filter) {
    this.#user = user
    const source = (read) => ({ read, rows: [], last: null, ended: false })
    this.#sources = [source(ledger(KINDS[filter])), ...(filter === 'usage' ? [] : [source(plain)])]
  }

  /** Into `found`, which keeps its rows when a read fails; `who` is a `session()`. Answers if there is more. */
  async next(found, who) {
    const sources = this.#sources
    while (found.length < PAGE) {
      await Promise.all(sources.map((each) => this.#fill(each, who)))
      const [next] = sources
        .filter((each) => each.rows.length)
        .sort((a, b) => Date.parse(b.rows[0].created_at) - Date.parse(a.rows[0].created_at))
      if (!next) break
      found.push(next.rows.shift())
    }
    return sources.some((each) => each.rows.length || !each.ended)
  }

  async #fill(source, who) {
    if (source.ended || source.rows.length) return
    const { data } = await inTheNameOf(who, source.read(this.#user, source.last).limit(PAGE).throwOnError())
    source.rows = data
    source.ended = data.length < PAGE
    source.last = data.at(-1)
  }
}

/** By its number, which costs the same at any depth. */
const ledger = (kinds) => (user, last) => {
  let query = config.supabase.from('token_ledger').select(ENTRIES).eq('user_id', user)
  if (kinds) query = query.in('kind', kinds)
  return (last ? query.lt('seq', last.seq) : query).order('seq', { ascending: false })
}

/** Payments for what is no tokens. */
function plain(user, last) {
  const query = config.supabase.from('token_payments').select(ORDERS)
    .eq('user_id', user).eq('tokens', 0).not('confirmed_at', 'is', null)
    .order('created_at', { ascending: false }).order('id', { ascending: false })
  if (!last) return query
  const { created_at: at, id } = last
  return query.or(`created_at.lt."${at}",and(created_at.eq."${at}",id.lt.${id})`)
}

/** The latest orders that no money has come for: those that wait for some, and those that ended. */
export async function openPayments(who) {
  const { data } = await inTheNameOf(who, config.supabase.from('token_payments').select(ORDERS)
    .eq('user_id', who.userId).is('confirmed_at', null)
    .order('created_at', { ascending: false }).limit(MOST_OPEN).throwOnError())
  return data
}
