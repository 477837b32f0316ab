import Shop from './Shop.jsx'

const sidecarUrl = process.env.NEXT_PUBLIC_SIDECAR_URL ?? 'http://localhost:8000'

export default function Page() {
  return <Shop sidecarUrl={sidecarUrl} />
}
