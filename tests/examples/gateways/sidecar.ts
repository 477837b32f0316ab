export type Method = 'card' | 'kakaopay' | 'naverpay' | 'tosspay' | 'transfer' | 'virtual_account' | 'mobile'

/** Who buys: only what your payment company wants of every buyer. */
export interface Buyer {
  name?: string
  phone?: string
  email?: string
}

/** A sidecar's answer, in the language of your page. */
export async function post(token: string, path: string, body: object) {
  const response = await fetch(`${SIDECAR_URL}${path}`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      'Accept-Language': document.documentElement.lang,
    },
    body: JSON.stringify(body),
  })
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.error)
  return answer
}

export const SIDECAR_URL = 'https://pay.example.com'
