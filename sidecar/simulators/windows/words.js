// The words of the windows, in the two languages of the store.
const KO = {
  'Payment window': '결제창',
  'Simulated: no money moves': '모의 결제라 실제로 결제되지 않아요',
  Order: '주문번호',
  'Pay {amount}': '{amount} 결제하기',
  'Have the card declined': '카드 거절시키기',
  'Have it declined': '결제 거절시키기',
  'Get a virtual account': '가상계좌 발급받기',
  'Close without paying': '결제하지 않고 닫기',
  'Back to the shop': '상점으로 돌아가기',
  'Your bank wants to know that it is you': '본인 인증이 필요해요',
  'The shop asks for {amount}.': '상점에서 {amount} 결제를 요청했어요.',
  'Yes, it is me': '네, 본인이에요',
  'No: refuse': '아니요, 거절할게요',
  Card: '카드',
  'Bank transfer': '계좌이체',
  'Virtual account': '가상계좌',
  'Phone bill': '휴대폰',
  'Card company': '카드사',
  Bank: '은행',
  Carrier: '통신사',
  'Approve the payment in the app.': '앱에서 결제를 승인해 주세요.',
  'This order was paid in another tab.': '다른 탭에서 결제한 주문이에요.',
  'The buyer’s details are missing': '구매자 정보가 없어요',
  'Store a card': '카드 등록',
  'Store this card': '이 카드 등록하기',
  'Close without storing': '등록하지 않고 닫기',
  'Its next charges': '다음 결제부터',
  'are paid': '결제돼요',
  'are declined for now': '지금은 거절돼요',
  'are declined for good': '계속 거절돼요',
  'cannot be stored': '등록할 수 없어요',
  'is declined when it is charged': '결제할 때 거절돼요',
  'asks for 3-D Secure when it is charged': '결제할 때 3-D Secure 인증을 요구해요',
  'I agree to the terms': '약관에 동의해요',
  'Pay with {name}': '{name} 결제하기',
  'Test card': '테스트 카드',
  'is paid': '결제돼요',
  'is declined': '거절돼요',
  'asks for 3-D Secure': '3-D Secure 인증을 요구해요',
  'Bank debit': '계좌 이체',
  'takes until the bank says so': '은행이 처리할 때까지 기다려요',
  'The simulated bank': '모의 은행',
  'Accounts that wait for a deposit': '입금을 기다리는 계좌',
  'Nobody waits for a deposit.': '입금을 기다리는 계좌가 없어요.',
  'Deposit {amount}': '{amount} 입금하기',
  'Deposited. You can go back to the shop.': '입금했어요. 상점으로 돌아가세요.',
  'The gateway does not answer. Nothing was paid.': '결제사가 응답하지 않아요. 결제되지 않았어요.',
}

// Names that only one gateway has.
export const learn = (words) => Object.assign(KO, words)

export const query = new URLSearchParams(location.hash.slice(1))
export const lang = /^ko/.test(query.get('lang') ?? navigator.language) ? 'ko' : 'en'
document.documentElement.lang = lang

export const say = (text, values = {}) => {
  const words = lang === 'ko' ? (KO[text] ?? text) : text
  return words.replace(/\{(\w+)\}/g, (_, name) => values[name])
}

export const money = (amount, currency) =>
  new Intl.NumberFormat(lang, { style: 'currency', currency: currency.toUpperCase() }).format(amount)

export const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties)
  element.append(...children)
  return element
}

// Calls a simulator's control API. Its refusals are errors that can be shown.
export const play = async (gateway, path, body, method = 'POST') => {
  const asked = body && { method, body: JSON.stringify(body) }
  const headers = { 'content-type': 'application/json' }
  let answer
  try {
    answer = await fetch(`/${gateway}/_sim/${path}`, { ...asked, headers })
  } catch {
    throw new Error(say('The gateway does not answer. Nothing was paid.'))
  }
  const told = await answer.json()
  if (!answer.ok) throw Object.assign(new Error(told.error), { code: told.code })
  return told
}
