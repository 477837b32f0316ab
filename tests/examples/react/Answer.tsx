'use client'
import { useRef } from 'react'
import '@/coinslot/react'
import type { CoinslotPaywall } from '@/coinslot/coinslot'

export default function Answer({ question, onAnswer }: { question: string; onAnswer: (text: string) => void }) {
  const paywall = useRef<CoinslotPaywall>(null)
  const ask = async () => {
    const response = await paywall.current!.guard(({ key }) =>
      fetch('/api/ai/answer', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
        body: JSON.stringify({ question }),
      }),
    )
    if (response.ok) onAnswer((await response.json()).answer)
  }
  return (
    <>
      <coinslot-balance />
      <button onClick={ask}>Generate an answer (2 tokens)</button>
      <coinslot-paywall ref={paywall} />
    </>
  )
}
