import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import Shop from './Shop.jsx'
import './style.css'

const sidecarUrl = import.meta.env.VITE_SIDECAR_URL ?? 'http://localhost:8000'

createRoot(document.querySelector('#app')).render(
  <StrictMode>
    <Shop sidecarUrl={sidecarUrl} />
  </StrictMode>,
)
