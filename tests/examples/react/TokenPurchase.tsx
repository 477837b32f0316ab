'use client'
import { useEffect } from 'react'
import '@/coinslot/react'
import { createClient } from '@/utils/supabase/client'

const SIDECAR_URL = process.env.NEXT_PUBLIC_SIDECAR_URL!

export default function TokenPurchase({ onSuccess }: { onSuccess?: (tokens: number) => void }) {
  useEffect(() => {
    Promise.all([import('@/coinslot/coinslot'), fetch(`${SIDECAR_URL}/store/config`)]).then(
      async ([{ defineCoinslot }, config]) =>
        defineCoinslot({ supabase: createClient(), sidecarUrl: SIDECAR_URL, ...(await config.json()) }),
    )
  }, [])
  return <coinslot-store oncoinslot-purchased={({ detail }) => onSuccess?.(detail.tokens ?? 0)} />
}
