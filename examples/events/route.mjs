// A route of Next.js that is told of events by Coinslot. It is app/hooks/coinslot/route.js there, with
// access.mjs beside it, after: npm install standardwebhooks
import { Webhook } from 'standardwebhooks'
import { actOn, seen } from './access.mjs'

const webhook = new Webhook(process.env.COINSLOT_ENDPOINT_SECRET)

export async function POST(request) {
  const body = await request.text()
  let event
  try {
    event = webhook.verify(body, Object.fromEntries(request.headers))
  } catch {
    return new Response('not signed by Coinslot', { status: 401 })
  }
  if (!seen.has(event.id)) {
    actOn(event)
    seen.add(event.id)
  }
  return new Response('thanks')
}
