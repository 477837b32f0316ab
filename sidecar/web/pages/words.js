// What the pages say themselves: English stands in the markup and the code, Korean here.
const KO = {
  'Skip to the content': '본문으로 건너뛰기',
  'Sign out': '로그아웃',
  'Buy tokens, spend them on answers': '토큰을 구매하고 답변에 사용하세요',
  'This is a sandbox: every payment is played, and no money moves.':
    '샌드박스입니다. 모든 결제는 모의로 진행되며 실제 돈은 오가지 않습니다.',
  'Continue as {name}': '{name}(으)로 시작하기',
  'With your e-mail address': '이메일로 시작하기',
  'E-mail': '이메일',
  Password: '비밀번호',
  'Sign in': '로그인',
  'Create an account': '회원가입',
  'Buy tokens': '토큰 구매',
  'Spend them': '토큰 사용',
  'Your question': '질문',
  Ask: '질문하기',
  '1 token': '토큰 1개',
  'Generate an answer': '답변 생성하기',
  '2 tokens': '토큰 2개',
  'Let the generation fail': '답변 생성을 실패시키기',
  'Pay into a virtual account at the simulated bank': '모의 은행에서 가상계좌에 입금하기',
  'What came and went': '이용 내역',
  'Your payment': '결제 결과',
  'Hello, {name}': '{name}님, 안녕하세요',
  'Working on it…': '처리하고 있습니다…',
  'Two tokens are set aside while the answer is generated…': '답변을 생성하는 동안 토큰 2개를 맡아 둡니다…',
  'The answer could not be generated. Nothing was taken: your tokens are back.':
    '답변을 생성하지 못했습니다. 토큰은 차감되지 않았습니다.',
  'This answer is being generated already, maybe in another tab. Nothing is taken twice.':
    '같은 답변을 이미 생성하고 있습니다. 토큰은 두 번 차감되지 않습니다.',
  'The connection was lost. Ask the same again: it is taken only once.':
    '연결이 끊어졌습니다. 같은 질문을 다시 보내세요. 토큰은 한 번만 차감됩니다.',
  'Not enough tokens. Nothing was taken.': '토큰이 부족합니다. 차감되지 않았습니다.',
  'Your session has ended. What you paid for stays yours: sign in again to see it.':
    '로그인이 만료되었습니다. 결제하신 내역은 그대로 있습니다. 다시 로그인해 주세요.',
  'Look into your mail to confirm the address, then sign in.': '메일함에서 주소를 확인한 뒤 로그인하세요.',
  'The address or the password is not right.': '이메일 또는 비밀번호가 올바르지 않습니다.',
  'There is an account with this address already: sign in.': '이미 가입된 이메일입니다. 로그인해 주세요.',
  'The store cannot be reached right now. Nothing was bought or spent; load the page again.':
    '지금은 상점에 연결할 수 없습니다. 구매하거나 사용한 것은 없습니다. 새로고침해 주세요.',
  'That did not work. Try again.': '처리하지 못했습니다. 다시 시도해 주세요.',
}
const KEPT = 'coinslot-locale'

export const locale = () => document.documentElement.lang

export const say = (text, values = {}) =>
  (locale() === 'ko' ? (KO[text] ?? text) : text).replace(/\{(\w+)\}/g, (_, name) => values[name])

// What `data-t` marks was written in English.
const written = new Map([...document.querySelectorAll('[data-t]')].map((node) => [node, node.textContent]))

export const speak = (language) => {
  document.documentElement.lang = language
  for (const [node, text] of written) node.textContent = say(text)
}

export const chosen = () => localStorage.getItem(KEPT) ?? (/^ko/.test(navigator.language) ? 'ko' : 'en')

export const choose = (language) => {
  localStorage.setItem(KEPT, language)
  speak(language)
}
