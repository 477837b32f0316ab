// What every story of the demo tells with: each line is read back from the stack and compared.
import { isDeepStrictEqual } from 'node:util'
import { createClient } from '@supabase/supabase-js'
import ws from 'ws'

export const env = new Proxy(process.env, {
  get: (values, name) => values[name] ?? fail(`${name} is not set: run this with make demo`),
})

/** A client of nobody's yet, or of the server's. */
export function client(key) {
  const options = { realtime: { transport: ws }, auth: { persistSession: false } }
  return createClient(env.SUPABASE_URL, key, options)
}

export function fail(message) {
  console.error(`✗ ${message}`)
  process.exit(1)
}

export function show(step, seen, expected) {
  const text = JSON.stringify(seen)
  if (!isDeepStrictEqual(seen, expected)) fail(`${step}: ${text}, not ${JSON.stringify(expected)}`)
  console.log(`✓ ${step.padEnd(58)} ${text}`)
}

export async function rpc(client, name, args) {
  const { data, error } = await client.rpc(name, args)
  if (error) fail(`${name}: ${error.message} ${error.details ?? ''}`)
  return data
}

export async function request(url, { body, token, ...init } = {}) {
  const headers = { 'content-type': 'application/json' }
  if (token) headers.authorization = `Bearer ${token}`
  const answer = await fetch(url, { headers, method: body ? 'POST' : 'GET', body: JSON.stringify(body), ...init })
  const json = await answer.json()
  return { http: answer.status, ...json }
}

// The effect of a webhook comes a moment later.
export async function until(read, expected) {
  const deadline = Date.now() + 20_000
  let seen = await read()
  while (!isDeepStrictEqual(seen, expected) && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    seen = await read()
  }
  return seen
}
