import { balance, refreshBalance, watchBalance } from '../balance.js'
import { news } from '../client.js'
import { CoinslotElement, h } from '../dom.js'
import { number, t } from '../text.js'

export class CoinslotBalance extends CoinslotElement {
  start() {
    watchBalance()
    this.on(news, 'balance', ({ detail }) => {
      this.render()
      this.tell('coinslot-balance', { tokens: detail.tokens })
    })
    this.render()
    refreshBalance()
  }

  render() {
    const { tokens, stale, signedIn } = balance
    const shown = tokens === null ? '–' : number(tokens)
    const label = tokens === null && signedIn === false ? 'balance.none' : 'balance.label'
    const content = [
      h('span', { class: 'coin', 'aria-hidden': 'true' }),
      h('span', { class: 'unseen' }, t(label)),
      h('output', { class: 'figure' }, shown),
      h('span', {}, t(tokens === 1 ? 'unit_one' : 'unit')),
    ]
    this.show(
      stale
        ? h(
            'button',
            { type: 'button', class: 'balance stale', onclick: refreshBalance, title: t('balance.stale') },
            ...content,
            h('span', { class: 'unseen' }, t('balance.stale')),
          )
        : h('span', { class: 'balance' }, ...content),
    )
  }
}
