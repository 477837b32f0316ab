// Charts of our own: drawn as SVG, told as a table, and silent about nothing that only a colour says.

import { html, nothing, svg } from 'lit'
import { dayOf, say, short } from './words.js'

const [HEIGHT, LEFT, BOTTOM, TOP] = [220, 52, 24, 8]

/** A step for about four lines: 1, 2 or 5 times a power of ten. */
function step(most) {
  const rough = Math.max(most, 1) / 4
  const size = 10 ** Math.floor(Math.log10(rough))
  return size * ([1, 2, 5, 10].find((each) => each * size >= rough) ?? 10)
}

/** Bars by day, those of `below` under the line. Points: {day, above, below}. */
export function bars(title, points, { write, names }) {
  if (!points.some(({ above, below }) => above || below)) return html`<p class="empty">${say('chart.none')}</p>`
  const whole = innerWidth < 768 ? 360 : 640 // its text is as large on a phone
  const most = Math.max(...points.map(({ above }) => above), 1)
  const least = Math.max(...points.map(({ below }) => below), 0)
  const by = step(most + least)
  const top = Math.ceil(most / by) * by
  const bottom = least ? Math.max(least, top / 12) : 0
  const scale = (HEIGHT - BOTTOM - TOP) / (top + bottom)
  const zero = TOP + top * scale
  const slot = (whole - LEFT) / points.length
  const width = Math.max(1, Math.min(22, slot * 0.68))
  const lines = Array.from({ length: Math.round(top / by) + 1 }, (_, n) => n * by)
  const every = Math.ceil(points.length / 5)
  const x = (n) => LEFT + slot * n + (slot - width) / 2
  return html`<svg class="chart" viewBox="0 0 ${whole} ${HEIGHT}" role="img" aria-label=${title}>
      ${lines.map((value) => svg`<line class="grid" x1=${LEFT} x2=${whole} y1=${zero - value * scale} y2=${zero - value * scale}/>
        <text class="axis" x=${LEFT - 8} y=${zero - value * scale + 4} text-anchor="end">${short(value)}</text>`)}
      ${points.map(({ day, above, below }, n) => svg`<g><title>${dayOf(day)}: ${write(above)}${below ? ` / −${write(below)}` : ''}</title>
        <rect class="slot" x=${LEFT + slot * n} y=${TOP} width=${slot} height=${HEIGHT - BOTTOM - TOP}/>
        ${above > 0 ? svg`<rect class="bar" x=${x(n)} y=${zero - above * scale} width=${width} height=${above * scale} rx="2"/>` : nothing}
        ${below > 0 ? svg`<rect class="bar back" x=${x(n)} y=${zero + 2} width=${width} height=${Math.max(2, below * scale)} rx="2"/>` : nothing}
      </g>`)}
      ${points.map(({ day }, n) => (n % every ? nothing : svg`<text class="axis" x=${LEFT + slot * (n + 0.5)} y=${HEIGHT - 6} text-anchor="middle">${dayOf(day)}</text>`))}
    </svg>
    ${tabled(title, [say('chart.day'), ...names], points.map(({ day, above, below }) => [day, write(above), write(below)]))}`
}

/** Shares of a whole, the largest first. Rows: {name, value}. */
export function shares(title, rows, { write }) {
  const whole = rows.reduce((sum, { value }) => sum + Math.max(0, value), 0)
  if (!whole) return html`<p class="empty">${say('chart.none')}</p>`
  const sorted = [...rows].sort((one, other) => other.value - one.value)
  return html`<ul class="shares" aria-label=${title}>${sorted.map(({ name, value }) => {
    const percent = Math.round((100 * Math.max(0, value)) / whole)
    return html`<li><span>${name}</span><span title=${write(value)}>${percent}%</span>
      <svg viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="3" rx="1.5"/><rect class="bar" width=${percent} height="3" rx="1.5"/></svg></li>`
  })}</ul>`
}

/** The same figures for whoever cannot see them, or would rather read. */
export const tabled = (title, names, rows) => html`<details class="tabled"><summary>${say('chart.table')}</summary>
  <div class="scroll" tabindex="0" role="group" aria-label=${title}><table><caption class="unseen">${title}</caption>
    <thead><tr>${names.map((name, n) => html`<th scope="col" class=${n ? 'end' : ''}>${name}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${row.map((cell, n) => html`<td class=${n ? 'end' : ''}>${cell}</td>`)}</tr>`)}</tbody>
  </table></div></details>`
