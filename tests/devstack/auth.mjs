// Plays through Auth as a frontend would, with each pair of keys at once, and prints the answers.
import { createClient } from '@supabase/supabase-js'
import ws from 'ws'

const options = {
  realtime: { transport: ws },
  auth: { persistSession: false, autoRefreshToken: false },
}

const play = async ([publicKey, secretKey]) => {
  const client = createClient(process.env.SUPABASE_URL, publicKey, options)
  const admin = createClient(process.env.SUPABASE_URL, secretKey, options)
  const email = `js-${crypto.randomUUID()}@example.com`
  const password = 'correct horse'
  const tokens = async () => (await client.rpc('get_user_tokens')).data

  const seen = { email }
  const signedUp = await client.auth.signUp({ email, password, options: { data: { name: 'Mina' } } })
  seen.signUp = signedUp.data.user
  seen.tokens = await tokens()
  seen.twice = (await client.auth.signUp({ email, password })).error?.code
  seen.weak = (await client.auth.signUp({ email: `weak-${email}`, password: 'a' })).error?.code
  seen.wrong = (await client.auth.signInWithPassword({ email, password: 'wrong horse' })).error?.code
  const signedIn = await client.auth.signInWithPassword({ email: email.toUpperCase(), password })
  seen.signIn = signedIn.data.user?.id
  seen.getUser = (await client.auth.getUser()).data.user?.email
  const used = signedIn.data.session.refresh_token
  seen.refresh = (await client.auth.refreshSession()).data.user?.id
  seen.refreshTwice = (await admin.auth.refreshSession({ refresh_token: used })).error?.code
  seen.update = (await client.auth.updateUser({ data: { locale: 'ko' } })).data.user?.user_metadata
  const token = (await client.auth.getSession()).data.session.access_token
  seen.signOut = (await client.auth.signOut()).error
  seen.afterSignOut = (await client.auth.getUser(token)).error?.name

  const anonymous = await client.auth.signInAnonymously()
  seen.anonymous = anonymous.data.user?.is_anonymous
  seen.anonymousTokens = await tokens()
  const linked = await client.auth.updateUser({ email: `linked-${email}`, password })
  seen.linked = linked.data.user?.is_anonymous
  seen.linkedTokens = await tokens()

  const made = { email: `made-${email}`, password, email_confirm: true, app_metadata: { role: 'x' } }
  seen.notAdmin = (await client.auth.admin.createUser(made)).error?.code
  const created = (await admin.auth.admin.createUser(made)).data.user
  seen.created = created?.app_metadata.role
  seen.unconfirmed = (
    await admin.auth.admin.createUser({ email: `later-${email}`, password })
  ).data.user?.email_confirmed_at
  await client.auth.signInWithPassword({ email: made.email, password })
  seen.softDeleted = (await admin.auth.admin.deleteUser(created.id, true)).error
  seen.afterSoft = (await client.auth.signInWithPassword({ email: made.email, password })).error?.code
  seen.deletedAt = (await admin.auth.admin.getUserById(created.id)).data.user?.deleted_at
  seen.hardDeleted = (await admin.auth.admin.deleteUser(created.id)).error
  seen.afterHard = (await admin.auth.admin.getUserById(created.id)).error?.code
  return seen
}

const pairs = process.argv.slice(2).map((pair) => pair.split(' '))
console.log(JSON.stringify(await Promise.all(pairs.map(play))))
