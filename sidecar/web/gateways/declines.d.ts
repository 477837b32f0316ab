/** A sentence for buyers for each reason, in the languages of the store. */
export const DECLINES: Record<string, { en: string; ko: string }>
export function told(reason: string | null | undefined, locale: 'en' | 'ko'): string | undefined
