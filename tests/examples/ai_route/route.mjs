// POST {question} → {answer}, for two tokens, taken only once there is an answer.
import { createHash } from 'node:crypto'
import { createClient } from '@supabase/supabase-js'
import { generate } from './model.mjs' // yours: (question, signal) → text

const SECONDS = Number(process.env.ANSWER_SECONDS ?? 60)
const { SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY } = process.env
const service = createClient(SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY)
const refuse = (status, error, more) => Response.json({ error, ...more }, { status })

export async function POST(request) {
  const token = request.headers.get('authorization')?.replace(/^bearer /i, '')
  const { data: { user } } = await service.auth.getUser(token)
  if (!user) return refuse(401, 'Unauthorized')
  const question = (await request.json().catch(() => null))?.question
  if (typeof question !== 'string' || !question) return refuse(400, 'Invalid question')

  // The key is all that decides the answer: a retry and a second tab find this hold, not a new one.
  const { data: hold, error } = await service.rpc('hold_feature_for', {
    user_id: user.id,
    feature: 'answer',
    idempotency_key: `answer:${createHash('sha256').update(question).digest('hex')}`,
    ttl_seconds: 2 * SECONDS, // outlives the generation; should we die, the tokens come back
  })
  if (error?.code === 'PT402') return refuse(402, 'Insufficient tokens', JSON.parse(error.details))
  if (error) throw error
  if (hold.status === 'captured') { // paid for earlier: the same answer again, for nothing
    const kept = service.from('answers').select('answer').eq('hold_id', hold.id).single()
    return Response.json((await kept.throwOnError()).data)
  }
  if (hold.replayed) return refuse(409, 'In progress') // elsewhere, or by a process that died

  try {
    const answer = await generate(question, AbortSignal.timeout(SECONDS * 1000))
    // Kept before it is paid for, so that whatever was paid for can be given again.
    await service.from('answers').insert({ hold_id: hold.id, answer }).throwOnError()
    await service.rpc('capture_token_hold', { hold_id: hold.id }).throwOnError()
    return Response.json({ answer })
  } catch {
    // Changes nothing if it was captured and only the reply was lost: the next try is given `kept`.
    await service.rpc('release_token_hold', { hold_id: hold.id })
    return refuse(502, 'No answer: ask again')
  }
}
