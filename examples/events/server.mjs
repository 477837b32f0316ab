// The route of route.mjs without Next.js. `/access/<user id>` says what somebody has.
//
//     npm install standardwebhooks
//     COINSLOT_ENDPOINT_SECRET=whsec_… PORT=8020 node server.mjs
import { createServer } from 'node:http'
import { access } from './access.mjs'
import { POST } from './route.mjs'

createServer(async (incoming, outgoing) => {
  const { method, headers, url } = incoming
  const answer = method === 'POST' && url === '/hooks/coinslot'
    ? await POST(new Request(`http://localhost${url}`, { method, headers, body: incoming, duplex: 'half' }))
    : Response.json(access.get(url.replace('/access/', '')) ?? {})
  outgoing.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
}).listen(Number(process.env.PORT ?? 8020), '127.0.0.1')
