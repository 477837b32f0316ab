import './style.css'

export const metadata = { title: '토큰 상점' }

export default function Layout({ children }) {
  return (
    <html lang="ko">
      <body>{children}</body>
    </html>
  )
}
