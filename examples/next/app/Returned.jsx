'use client'

import { useEffect } from 'react'
import { opened } from './Shop.jsx'

/** Where a gateway sends people back to. */
export default function Returned({ sidecarUrl }) {
  useEffect(() => {
    opened(sidecarUrl)
  }, [sidecarUrl])
  return <coinslot-result back="/" />
}
