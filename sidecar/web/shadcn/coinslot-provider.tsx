'use client'

import type { SupabaseClient } from '@supabase/supabase-js'
import { type ReactNode, useEffect } from 'react'
import { defineCoinslot } from '@/lib/coinslot/coinslot'
import '@/lib/coinslot/react'

let opening: Promise<void> | undefined

async function open(supabase: SupabaseClient, sidecarUrl: string) {
  const config = await (await fetch(`${sidecarUrl}/store/config`)).json()
  await defineCoinslot({ ...config, supabase, sidecarUrl })
}

/** Around whatever shows or sells tokens, with the client of whoever is signed in: once for a page. */
export function CoinslotProvider({ supabase, sidecarUrl, children }: {
  supabase: SupabaseClient
  sidecarUrl: string
  children: ReactNode
}) {
  useEffect(() => {
    opening ??= open(supabase, sidecarUrl)
    opening.catch(() => (opening = undefined)) // the next page may try again
  }, [supabase, sidecarUrl])
  return <>{children}</>
}
