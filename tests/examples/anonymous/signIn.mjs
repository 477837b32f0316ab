const KEPT = 'anonymous-session'

/** Signs in, and takes along what was bought before. */
export async function signIn(supabase, credentials) {
  const { session } = (await supabase.auth.getSession()).data
  if (session?.user.is_anonymous) localStorage.setItem(KEPT, session.access_token)
  const { error } = await supabase.auth.signInWithPassword(credentials)
  if (error) throw error
  await takeAlong(supabase)
}

/** Call it also when the page is loaded: what failed is tried again. */
export async function takeAlong(supabase) {
  const anonymousToken = localStorage.getItem(KEPT)
  const { session } = (await supabase.auth.getSession()).data
  if (!anonymousToken || !session || session.user.is_anonymous) return
  const answer = await fetch('/api/merge', {
    method: 'POST',
    headers: { authorization: `Bearer ${session.access_token}` },
    body: JSON.stringify({ anonymousToken }),
  })
  const { error } = await answer.json()
  const later = answer.status >= 500 || error === 'refund_in_progress'
  if (!later) localStorage.removeItem(KEPT)
}
