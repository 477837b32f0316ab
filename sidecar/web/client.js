// Shared by the elements.

export const config = {
  supabase: null,
  sidecarUrl: '',
  gateways: {},
  methods: null,
  links: null,
  refundDays: null,
  offers: null,
  maxQuantity: 1,
  takesCodes: false,
  sdk: {},
  returnTo: '/payment/success',
  accessToken: null,
}

export const news = new EventTarget()

const TIMEOUT_MS = 30_000
let person = null // who was signed in when last looked
let channel = null

export function configure(options) {
  Object.assign(config, options)
  config.sidecarUrl = (config.sidecarUrl ?? '').replace(/\/+$/, '')
  if (!channel && 'BroadcastChannel' in globalThis) {
    channel = new BroadcastChannel('coinslot')
    channel.onmessage = ({ data }) => announce(data.type, data.detail)
  }
  if (options.supabase && !config.accessToken) {
    config.supabase.auth.onAuthStateChange((event) => {
      // Supabase calls back under a lock: asking it anything in there would wait for it.
      if (/^SIGNED|^USER/.test(event)) setTimeout(() => announce('signed'), 0)
    })
  }
}

export function announce(type, detail) {
  news.dispatchEvent(new CustomEvent(type, { detail }))
}

export function tellOthers(type, detail) {
  channel?.postMessage({ type, detail })
}

export function tellEverybody(type, detail) {
  announce(type, detail)
  tellOthers(type, detail)
}

/** The person who is signed in, or null. Only servers trust the token. */
export async function session() {
  const token = await (config.accessToken ?? supabaseToken)()
  if (!token) return null
  const { sub, email } = claims(token)
  person = sub
  return { token, userId: sub, email }
}

/** A query of Supabase for that person, also where they sign out before it leaves; older clients ask for whoever is there. */
export const inTheNameOf = ({ token }, query) => query.setHeader?.('Authorization', `Bearer ${token}`) ?? query

async function supabaseToken() {
  const { data, error } = (await config.supabase?.auth.getSession()) ?? {}
  // A session that could not be refreshed just now is not over.
  if (/Retryable/.test(error?.name)) throw error
  return data?.session?.access_token
}

/** Nobody is shown the order of somebody else. */
export const mine = ({ userId }) => !userId || !person || userId === person

function claims(token) {
  try {
    const bytes = atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0))))
  } catch {
    return {}
  }
}

/**
 * The sidecar's answer, `{status, ...body}`; status 0 for none that can be read.
 * `as`: the person in whose name to ask, '' for nobody, also after another has signed in.
 */
export async function ask(path, { body, key, language, as } = {}) {
  const headers = { Accept: 'application/json' }
  if (language) headers['Accept-Language'] = language
  if (key) headers['Idempotency-Key'] = key
  if (body) headers['Content-Type'] = 'application/json'
  try {
    const who = as !== '' && (await session())
    if (who && who.userId === (as ?? who.userId)) headers.Authorization = `Bearer ${who.token}`
    const answer = await fetch(config.sidecarUrl + path, {
      method: body ? 'POST' : 'GET',
      headers,
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const { status: state, code = '', ...rest } = await answer.json()
    return { ...rest, code: `${code}`, state, status: answer.status }
  } catch {
    return { status: 0, code: 'unreachable' }
  }
}

export const sleep = (ms, signal) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
    signal?.addEventListener('abort', resolve, { once: true })
  })

/** Not randomUUID(): it is missing where a page is not served over https. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
