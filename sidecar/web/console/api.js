// Calls of the console, and what is known of one that failed.

let client

export const connect = (made) => {
  client = made
}

/** A refusal, which did nothing; or an answer that was lost, after which nobody knows. */
export class Refused extends Error {
  constructor(code, details, lost) {
    super(code)
    Object.assign(this, { code, details, lost })
  }
}

const parsed = (details) => {
  try {
    return JSON.parse(details ?? '{}')
  } catch {
    return {}
  }
}

async function call(name, values) {
  const { data, error, status } = await client.rpc(name, values).then(
    (answer) => answer,
    () => ({ error: {}, status: 0 }),
  )
  if (!error) return data
  const known = /^PT4/.test(error.code ?? '')
  if (status === 401 || error.message === 'unauthenticated') document.dispatchEvent(new Event('console-ended'))
  throw new Refused(known ? error.message : error.code || 'lost', known ? parsed(error.details) : {}, !known && status !== 401)
}

/** A call of the server that this page is of; what was lost may have been done all the same. */
export async function posted(path, values) {
  const { data } = await client.auth.getSession()
  const headers = { authorization: `Bearer ${data.session?.access_token}`, 'content-type': 'application/json' }
  const answer = await fetch(new URL(path, location.href), { method: 'POST', headers, body: JSON.stringify(values) }).catch(() => null)
  const told = await answer?.json().catch(() => null)
  if (answer?.ok && told) return told
  if (!answer || answer.status >= 500) throw new Refused('unsure', {}, true)
  throw new Refused(told?.code ?? String(answer.status), told ?? {}, false)
}

export const get = (what, id) => call('token_console_get', { what, id })
export const list = (name, filters = {}, after = null, size = 50) =>
  call('token_console_list', { list: name, filters, after, page_size: size })
export const exportPage = (id, after) => list('export', { export: id }, after, 500)
export const search = (q) => call('token_console_search', { q })
export const report = (name, options) => call('token_console_report', { report: name, options })
export const exported = (name, options, reason, format) =>
  call('token_console_export', { report: name, options, reason, format })
export const act = (action, subject, reason, key, values = {}) =>
  call('token_console_act', { action, subject, reason, idempotency_key: key, arguments: values })
