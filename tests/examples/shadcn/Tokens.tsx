import { CoinslotProvider } from '@/components/coinslot-provider'
import { createClient } from '@/utils/supabase/client'

const supabase = createClient()

export default function Tokens() {
  return (
    <CoinslotProvider supabase={supabase} sidecarUrl="http://localhost:8000">
      <coinslot-balance />
      <coinslot-store />
      <coinslot-history />
    </CoinslotProvider>
  )
}
