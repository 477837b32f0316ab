// PortOne's billing keys: https://developers.portone.io/opi/ko/integration/start/v2/billing/issue and
// V1's `customer_uid`. Which version, the sidecar says.

import { load } from '../load.js'
import { DECLINES } from './declines.js'
import * as v1 from './v1.js'
import * as v2 from './v2.js'

export const script = ({ version }) => (version === 'v1' ? v1 : v2).script

export const store = ({ version, ...asked }, page) => (version === 'v1' ? storeByV1 : storeByV2)(asked, page)

async function storeByV2(asked, { sdk, locale, returnUrl }) {
  const PortOne = await load(sdk, 'PortOne')
  const spoken = locale === 'ko' ? 'KO_KR' : 'EN_US'
  const { billingKey, billingIssueToken, code, pgCode } =
    (await PortOne.requestIssueBillingKey({ ...asked, redirectUrl: returnUrl, locale: spoken })) ?? {}
  if (code || !billingKey) return { closed: true, declined: DECLINES[pgCode ?? code] }
  return { carried: { billingKey, ...(billingIssueToken && { billingIssueToken }) } }
}

async function storeByV1(asked, { sdk, options, locale, returnUrl }) {
  const IMP = await load(sdk, 'IMP')
  IMP.init(options.code)
  const { imp_uid, error_code: code } = await new Promise((resolve) => {
    IMP.request_pay({ ...asked, language: locale, m_redirect_url: returnUrl }, resolve)
  })
  return code || !imp_uid ? { closed: true, declined: DECLINES[code] } : { carried: { imp_uid } }
}

export function carried(get) {
  const [billingKey, token, uid] = [get('billingKey'), get('billingIssueToken'), get('imp_uid')]
  if (get('code', 'error_code')) return null
  return billingKey ? { billingKey, ...(token && { billingIssueToken: token }) } : uid && { imp_uid: uid }
}
