// Which of a person's tokens end soon, in words.

import { balance } from '../balance.js'
import { lastDay, number, t } from '../text.js'

/** A line for each day on which tokens end, the soonest first. */
export function expiring() {
  const byDay = new Map()
  for (const { tokens, expires_at: end } of balance.expiring) {
    const date = lastDay(end)
    byDay.set(date, (byDay.get(date) ?? 0) + tokens)
  }
  return [...byDay].map(([date, count]) => t('balance.expiring', { date, count: number(count) }))
}
