import Returned from '../../Returned.jsx'

export default function Page() {
  return <Returned sidecarUrl={process.env.NEXT_PUBLIC_SIDECAR_URL ?? 'http://localhost:8000'} />
}
