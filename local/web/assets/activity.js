// Activity: how the fleet has changed, when it will sleep, how long stops take, and what has happened.

import { html, nothing } from "./vendor/lit-html.js";
import { config, post } from "./api.js";
import { areas, columns, dots } from "./charts.js";
import { changed, now, state } from "./store.js";
import { PHASES, PHASE_WORDS, clock, count, date, many, span } from "./words.js";

/** How often what a sweep would do is asked for, in milliseconds. */
const AGAIN = 10_000;

/** The ends of the columns of "when they sleep", in minutes. */
const MINUTES = [1, 5, 10, 15, 20, 30, 60, 120];

/** How many events are drawn. */
const SHOWN = 200;

let sweep = null;
let swept = -Infinity;

/** What the watchdog would do now, if the API can say. */
export async function follow() {
  if (state.view !== "activity" || performance.now() - swept < AGAIN) return;
  swept = performance.now();
  try {
    sweep = (await post("/sweeps?dryRun=true")).body;
  } catch {
    sweep = null;
  }
  changed();
}

export const activityView = (open) => html`
  <section class="activity" aria-labelledby="activity-title">
    <h1 id="activity-title">${title()}</h1>
    <div class="charts">
      <article class="panel wide">
        <header><h2>The fleet over time</h2>${legend()}</header>
        ${areas(state.samples, PHASES, `Tenants by phase since this page was opened. Now: ${now_words()}.`)}
      </article>
      ${sleeps()}
      ${stops()}
    </div>
    ${events(open)}
  </section>`;

const now_words = () => PHASES.filter((phase) => state.counts[phase]).map((phase) => `${count(state.counts[phase])} ${PHASE_WORDS[phase]}`).join(", ") || "nobody";

function title() {
  const { running = 0, stopped = 0 } = state.counts;
  const all = state.tenants.size;
  if (!all) return "Nothing happens here yet.";
  return `${Math.round((stopped / all) * 100)} % of the fleet is asleep, ${many(running, "tenant")} ${running === 1 ? "is" : "are"} up.`;
}

const legend = () => html`<span class="legend">${PHASES.filter((phase) => state.samples.some((sample) => sample[phase])).map((phase) => html`<span class="pill" data-phase=${phase}>${PHASE_WORDS[phase]}</span>`)}</span>`;

/** When those that run will sleep if nobody uses them: what a sweep says of each, or what is known of some. */
function sleeps() {
  const verdicts = sweep?.notIdle ?? [];
  const told = verdicts.map((line) => Date.parse(line.stopsAt ?? line.until ?? line.at ?? "")).filter((at) => !Number.isNaN(at));
  const known = told.length ? told : [...state.tenants.values()].filter(({ phase, stopsAt }) => phase === "running" && stopsAt).map(({ stopsAt }) => Date.parse(stopsAt));
  const left = known.map((at) => (at - now()) / 60_000);
  const bars = [...MINUTES, Infinity].map((end, index) => {
    const begin = index ? MINUTES[index - 1] : -Infinity;
    const words = end === Infinity ? `> ${span(begin * 60_000)}` : `${end < 60 ? end : `${end / 60} h`}`;
    return [words, left.filter((minutes) => minutes > begin && minutes <= end).length, "running"];
  });
  const verdict = sweep?.verdicts;
  const words = verdict ? [[verdict.idle, "idle now"], [verdict.held, "held"], [verdict.protected, "protected"], [verdict.alwaysOn, "always on"]].filter(([number]) => number) : [];
  return html`<article class="panel">
    <header><h2>When they will sleep</h2><span class="quiet">minutes from now</span></header>
    ${columns(bars, `When running tenants will sleep: ${bars.filter(([, number]) => number).map(([end, number]) => `${number} within ${end}`).join(", ") || "nothing is known"}`, "Nobody is about to sleep.")}
    ${words.length ? html`<p class="quiet">${words.map(([number, what]) => `${count(number)} ${what}`).join(", ")}.</p>` : nothing}
  </article>`;
}

/** How long the last stop of each took, from the wish to the proof. */
function stops() {
  const points = [...state.tenants.values()].filter(({ phase, intent, stopped }) => phase === "stopped" && stopped && Date.parse(stopped.at) >= Date.parse(intent.at)).map(({ id, intent, stopped }) => ({
    at: Date.parse(stopped.at),
    took: Date.parse(stopped.at) - Date.parse(intent.at),
    words: id,
  }));
  const recent = points.sort((one, other) => one.at - other.at).slice(-400);
  const sorted = recent.map(({ took }) => took).sort((one, other) => one - other);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return html`<article class="panel">
    <header><h2>How long stops take</h2><span class="quiet">from the wish to the proof</span></header>
    ${dots(recent, `Stops took ${sorted.length ? `${span(at(0.5))} in the middle, ${span(at(0.95))} at the 95th percentile` : "no time yet"}`, "Nobody has been put to sleep yet.")}
    ${sorted.length ? html`<p class="quiet">Half within ${span(at(0.5))}, 95 % within ${span(at(0.95))}.</p>` : nothing}
  </article>`;
}

function events(open) {
  const shown = state.events.filter((event) => state.raw || !event.raw).slice(0, SHOWN);
  return html`<article class="panel events">
    <header>
      <h2>What happens</h2>
      ${config.local ? html`<label class="check"><input type="checkbox" .checked=${Boolean(state.raw)} @change=${(event) => { state.raw = event.target.checked; changed(); }} /> events of AWS too</label>` : nothing}
    </header>
    ${shown.length ? html`<ol>${shown.map((event) => html`<li data-phase=${event.phase ?? ""}>
      <time datetime=${new Date(event.at).toISOString()} title=${date(event.at)}>${clock(event.at)}</time>
      ${event.tenant ? html`<button class="link" @click=${() => open(event.tenant)}>${event.tenant}</button>` : html`<b>${event.rollout ?? "AWS"}</b>`}
      <span>${event.text}</span>
      <span class="quiet">${event.why ?? ""}</span>
    </li>`)}</ol>` : html`<p class="quiet">Nothing has happened since this page was opened.</p>`}
  </article>`;
}
