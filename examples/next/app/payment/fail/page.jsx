export { default } from '../success/page.jsx'
