// What Next.js puts in the place of these at build time.
declare const process: { env: Record<string, string | undefined> }
