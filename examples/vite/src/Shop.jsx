import { createClient } from '@supabase/supabase-js'
import { defineCoinslot, refreshBalance } from 'coinslot'
import { useEffect, useRef, useState } from 'react'

let opening

/** Once for the page: the client of whoever is signed in, and the components. */
export function opened(sidecarUrl) {
  return (opening ??= open(sidecarUrl))
}

async function open(sidecarUrl) {
  const config = await (await fetch(`${sidecarUrl}/store/config`)).json()
  const supabase = createClient(config.supabaseUrl, config.anonKey)
  await defineCoinslot({ ...config, supabase, sidecarUrl })
  return supabase
}

export default function Shop({ sidecarUrl }) {
  const store = useRef(null)
  const paywall = useRef(null)
  const [said, say] = useState('')

  useEffect(() => {
    // React 18 gives custom elements no listeners of their own events.
    const thank = ({ detail }) => say(`토큰 ${detail.tokens}개, 고마워요.`)
    const element = store.current
    element.addEventListener('coinslot-purchased', thank)
    opened(sidecarUrl)
    return () => element.removeEventListener('coinslot-purchased', thank)
  }, [sidecarUrl])

  async function spend(feature) {
    const supabase = await opened(sidecarUrl)
    const { error } = await paywall.current.guard(({ key }) =>
      supabase.rpc('use_feature', { feature, idempotency_key: key }),
    )
    say(error ? error.message : '답변이에요.')
    refreshBalance()
  }

  return (
    <>
      <header>
        <coinslot-balance />
      </header>
      <main>
        <section>
          <button type="button" onClick={() => spend('question')}>질문하기 · 토큰 1개</button>
          <button type="button" onClick={() => spend('answer')}>자세한 답변 받기 · 토큰 2개</button>
          <p role="status" id="said">{said}</p>
        </section>
        <coinslot-store ref={store} />
        <coinslot-history />
      </main>
      <coinslot-paywall ref={paywall} />
    </>
  )
}
