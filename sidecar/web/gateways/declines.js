// Why a payment was declined, in our own words: coinslot/gateways/declines.py has the same. A reason is
// stored as its name; what stands in no table is what the buyer's bank said, and told as it is.

export const DECLINES = {
  declined: {
    en: 'Your card issuer didn’t approve it.',
    ko: '카드사에서 결제를 승인하지 않았어요.',
  },
  limit_or_balance: {
    en: 'Check your limit or balance.',
    ko: '한도나 잔액을 확인해 주세요.',
  },
  daily_limit: {
    en: 'Daily limit reached.',
    ko: '하루 한도를 넘었어요.',
  },
  monthly_limit: {
    en: 'Monthly limit reached.',
    ko: '한 달 한도를 넘었어요.',
  },
  amount_limit: {
    en: 'This amount is over the limit for one payment.',
    ko: '한 번에 결제할 수 있는 금액을 넘었어요.',
  },
  amount_too_small: {
    en: 'This amount is too small for this method.',
    ko: '이 결제 수단으로 내기에는 금액이 적어요.',
  },
  expired_card: {
    en: 'Check the expiry date.',
    ko: '유효기간을 확인해 주세요.',
  },
  wrong_number: {
    en: 'Check the card number.',
    ko: '카드번호를 확인해 주세요.',
  },
  wrong_cvc: {
    en: 'Check the security code.',
    ko: '카드의 CVC 번호를 확인해 주세요.',
  },
  wrong_password: {
    en: 'Check the password.',
    ko: '비밀번호를 확인해 주세요.',
  },
  card_not_usable: {
    en: 'This card can’t be used here. Try another one.',
    ko: '사용할 수 없는 카드예요. 다른 카드로 결제해 주세요.',
  },
  account_not_usable: {
    en: 'Check the bank account, or pay another way.',
    ko: '계좌를 확인하거나 다른 방법으로 결제해 주세요.',
  },
  bank_away: {
    en: 'Your bank isn’t available right now. Try again later.',
    ko: '지금은 은행을 이용할 수 없어요. 잠시 뒤에 다시 시도해 주세요.',
  },
  installments: {
    en: 'This card doesn’t take these installments.',
    ko: '이 카드로는 그 할부를 쓸 수 없어요.',
  },
  authentication: {
    en: 'Your bank couldn’t confirm it was you.',
    ko: '본인 인증을 마치지 못했어요.',
  },
  too_many_tries: {
    en: 'Too many tries. Try again later.',
    ko: '인증을 여러 번 시도했어요. 잠시 뒤에 다시 시도해 주세요.',
  },
  timed_out: {
    en: 'The payment window timed out. Start again.',
    ko: '결제 시간이 지났어요. 처음부터 다시 결제해 주세요.',
  },
  unavailable: {
    en: 'This payment can’t be made right now. Pay another way.',
    ko: '지금은 이 결제를 할 수 없어요. 다른 방법으로 결제해 주세요.',
  },
}

/** A stored reason as the buyer reads it. */
export const told = (reason, locale) => DECLINES[reason]?.[locale] ?? reason
