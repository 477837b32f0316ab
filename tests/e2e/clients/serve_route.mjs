// Serves the example's POST over HTTP, as Next.js would; says on which port.
import { createServer } from 'node:http'
import WebSocket from 'ws'

globalThis.WebSocket ??= WebSocket // supabase-js asks for one; Node has it from version 22 on
const { POST } = await import('../../examples/ai_route/route.mjs')

const server = createServer(async (incoming, outgoing) => {
  const { method, headers, url } = incoming
  const body = await incoming.setEncoding('utf8').reduce((text, chunk) => text + chunk, '')
  const request = new Request(new URL(url, 'http://127.0.0.1'), { method, headers, body })
  const answer = await POST(request).catch((error) => new Response(String(error), { status: 500 }))
  outgoing.writeHead(answer.status, { 'content-type': 'application/json' })
  outgoing.end(await answer.text())
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
