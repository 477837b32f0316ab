export type StripeOptions = Record<string, never>
export type StripeScripts = { stripe?: string }
