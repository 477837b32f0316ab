// The elements in JSX: `import '…/web/react'` once. React 19 gives custom elements their properties
// and, by `on` and an event's own name, their events.

import type { DetailedHTMLProps, HTMLAttributes } from 'react'
import type { CoinslotEvents } from './coinslot'
import type {} from './cash-receipts'
import type {} from './invitation'
import type {} from './plans'

type Handlers = { [Name in keyof CoinslotEvents as `on${Name}`]?: (event: CoinslotEvents[Name]) => void }
type Props<Attributes = object, Tag extends keyof HTMLElementTagNameMap = 'coinslot-balance'> =
  DetailedHTMLProps<HTMLAttributes<HTMLElementTagNameMap[Tag]>, HTMLElementTagNameMap[Tag]> &
    Handlers & { theme?: 'light' | 'dark' | 'auto' } & Attributes

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'coinslot-balance': Props<{ low?: number }>
      'coinslot-cash-receipt': Props<{ order?: string; method?: string }, 'coinslot-cash-receipt'>
      'coinslot-history': Props<object, 'coinslot-history'>
      'coinslot-invitation': Props<{ link?: string }, 'coinslot-invitation'>
      'coinslot-paywall': Props<object, 'coinslot-paywall'>
      'coinslot-plans': Props<
        { currency?: string; family?: string; gateway?: string; plans?: string },
        'coinslot-plans'
      >
      'coinslot-result': Props<{ back?: string }, 'coinslot-result'>
      'coinslot-store': Props<
        { currency?: string; gateway?: string; highlight?: string; products?: string },
        'coinslot-store'
      >
      'coinslot-subscription': Props<{ family?: string }, 'coinslot-subscription'>
      'coinslot-top-up': Props<{ currency?: string; gateway?: string }, 'coinslot-top-up'>
    }
  }
}
