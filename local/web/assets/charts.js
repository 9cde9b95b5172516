// Charts as SVG: no library, and their numbers are in words as well.

import { html, nothing, svg } from "./vendor/lit-html.js";
import { clock, count, span } from "./words.js";

const HEIGHT = 190;
const BOTTOM = 24;
const LEFT = 40;

/** How wide a chart of the whole width or of half of it is in pixels, so that its words have their natural size. */
export function room(share) {
  const inner = Math.max(280, (document.getElementById("main")?.clientWidth ?? 900) - 106);
  return Math.round(share === 1 || inner < 860 ? inner : inner / 2 - 30);
}

/** A number that a scale ends at: 1, 2 or 5 times a power of ten, and not below what there is. */
export function ceiling(value) {
  if (value <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((end) => end >= value);
}

const frame = (width, label, inner, empty) => html`<svg class="chart" viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-label=${label}>
  ${inner}${empty ? svg`<text x=${width / 2} y=${HEIGHT / 2} text-anchor="middle" class="none">${empty}</text>` : nothing}
</svg>`;

const up = (value, most) => HEIGHT - BOTTOM - (value / most) * (HEIGHT - BOTTOM - 8);

const scale = (width, most, unit = count) => [0, 0.5, 1].map((part) => svg`
  <line class="grid" x1=${LEFT} x2=${width} y1=${up(part * most, most)} y2=${up(part * most, most)}></line>
  <text x=${LEFT - 6} y=${up(part * most, most) + 4} text-anchor="end">${unit(part * most)}</text>`);

/** How many were in which phase over time, one upon the other. */
export function areas(samples, layers, label) {
  const width = room(1);
  if (samples.length < 2) return frame(width, label, nothing, "It begins to draw in a moment.");
  const first = samples[0].at;
  const last = samples.at(-1).at;
  const most = ceiling(Math.max(...samples.map((sample) => layers.reduce((sum, name) => sum + (sample[name] ?? 0), 0))));
  const x = (at) => LEFT + ((at - first) / Math.max(1, last - first)) * (width - LEFT);
  const base = samples.map(() => 0);
  const drawn = layers.map((name) => {
    const under = [...base];
    samples.forEach((sample, index) => (base[index] += sample[name] ?? 0));
    // Steps: a count holds until it changes.
    const edge = (values) => values.flatMap((value, index) => [
      ...(index ? [`${x(samples[index].at).toFixed(1)},${up(values[index - 1], most).toFixed(1)}`] : []),
      `${x(samples[index].at).toFixed(1)},${up(value, most).toFixed(1)}`,
    ]);
    return svg`<polygon data-tone=${name} points=${[...edge(base), ...edge(under).reverse()].join(" ")}></polygon>`;
  });
  const times = [0, 0.5, 1].map((part) => svg`<text x=${x(first + part * (last - first))} y=${HEIGHT - 5} text-anchor=${part === 0 ? "start" : part === 1 ? "end" : "middle"}>${clock(first + part * (last - first))}</text>`);
  return frame(width, label, svg`${scale(width, most)}${drawn}${times}`);
}

/** Columns: `[words, number, tone]`. */
export function columns(bars, label, none) {
  const width = room(0.5);
  const most = ceiling(Math.max(0, ...bars.map(([, number]) => number)));
  if (!bars.some(([, number]) => number)) return frame(width, label, nothing, none);
  const each = (width - LEFT) / bars.length;
  const drawn = bars.map(([words, number, tone], index) => {
    const left = LEFT + index * each;
    return svg`
      <rect data-tone=${tone} x=${left + each * 0.14} width=${each * 0.72} y=${up(number, most)} height=${Math.max(0, HEIGHT - BOTTOM - up(number, most))} rx="2"><title>${words}: ${count(number)}</title></rect>
      <text x=${left + each / 2} y=${HEIGHT - 5} text-anchor="middle">${words}</text>`;
  });
  return frame(width, label, svg`${scale(width, most)}${drawn}`);
}

/** Dots over time: `{ at, took, words }`, with a line at what is usual. */
export function dots(points, label, none) {
  const width = room(0.5);
  if (!points.length) return frame(width, label, nothing, none);
  const first = Math.min(...points.map(({ at }) => at));
  const last = Math.max(...points.map(({ at }) => at), first + 1000);
  const most = ceiling(Math.max(...points.map(({ took }) => took / 1000)));
  const x = (at) => LEFT + 8 + ((at - first) / (last - first)) * (width - LEFT - 20);
  const sorted = points.map(({ took }) => took / 1000).sort((one, other) => one - other);
  const middle = sorted[Math.floor(sorted.length / 2)];
  const drawn = points.map(({ at, took, words }) => svg`<circle data-tone="stopping" cx=${x(at)} cy=${up(took / 1000, most)} r="3.5"><title>${words}: ${span(took)}</title></circle>`);
  return frame(width, label, svg`${scale(width, most, (seconds) => `${count(seconds)} s`)}
    <line class="middle" x1=${LEFT} x2=${width} y1=${up(middle, most)} y2=${up(middle, most)}></line>
    ${drawn}
    <text x=${x(first)} y=${HEIGHT - 5}>${clock(first)}</text>
    <text x=${width} y=${HEIGHT - 5} text-anchor="end">${clock(last)}</text>`);
}
