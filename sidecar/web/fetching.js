// The later file is a function of what it has of the first one (build.mjs).

import * as first from './first.js'

export const fetchLater = async () => (await import('./later.js')).default(first)
