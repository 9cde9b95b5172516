// Rollouts: where the newest one is, what another would do, and which releases there are.

import { html, nothing } from "./vendor/lit-html.js";
import { post } from "./api.js";
import { changed, now, state } from "./store.js";
import { fleet } from "./sync.js";
import { act, bar, sure } from "./ui.js";
import { FAILURES, REASONS, ago, ahead, count, many, pauseReason, short, span } from "./words.js";

const OVER = ["completed", "superseded", "rejected", "rolledBack", "aborted"];

const STAGES = { canary: "Canary", baking: "Baking", withdrawing: "Putting back" };

const ENDS = { completed: "Completed", superseded: "Superseded", rejected: "Rejected", rolledBack: "Rolled back", aborted: "Aborted" };

export const isUnderWay = (rollout) => Boolean(rollout) && !OVER.includes(rollout.status.phase);

const arrived = ({ status }) => (["withdrawing", "rejected", "rolledBack"].includes(status.phase) ? "put back" : "run it");

const population = ({ tally }) => tally.waiting + tally.pending + tally.moving + tally.succeeded + tally.failed + tally.unknown;

/** A line about the rollout under way, above the fleet. */
export function banner() {
  const { rollout } = state;
  if (!isUnderWay(rollout)) return nothing;
  const { tally } = rollout;
  return html`<a class="banner" href="#/rollouts" data-paused=${Boolean(rollout.status.paused)}>
    <b>${rollout.release}</b>
    <span>${rollout.status.paused ? `paused: ${pauseReason(rollout.status.paused)}` : stageWords(rollout)}</span>
    ${progress(rollout)}
    <span class="quiet">${count(tally.succeeded)} of ${count(population(rollout))}</span>
  </a>`;
}

function stageWords(rollout) {
  const { phase, wave, until } = rollout.status;
  if (phase === "wave") return `wave ${wave}${rollout.policy ? ` of ${rollout.policy.waves.length}` : ""}`;
  if (phase === "baking" && until) return `baking, first wave ${ahead(until, now())}`;
  return (STAGES[phase] ?? phase).toLowerCase();
}

function progress(rollout) {
  const { tally } = rollout;
  const parts = [
    [tally.succeeded, "running", `${count(tally.succeeded)} ${arrived(rollout)}`],
    [tally.failed, "failed", `${count(tally.failed)} failed`],
    [tally.unknown, "failed", `${count(tally.unknown)} unknown`],
    [tally.moving, "starting", `${count(tally.moving)} on their way`],
    [tally.pending + tally.waiting, "empty", `${count(tally.pending + tally.waiting)} to go`],
  ];
  return bar(parts, `${rollout.id}: ${parts.filter(([number]) => number).map(([, , words]) => words).join(", ") || "nobody to move"}`);
}

export const rolloutsView = () => html`
  <section class="rollouts" aria-labelledby="rollouts-title">
    <h1 id="rollouts-title">${title()}</h1>
    ${state.rollout ? card(state.rollout) : html`<p class="quiet">A rollout begins when a new base is deployed.</p>`}
    <div class="halves">
      ${planner()}
      ${releases()}
    </div>
  </section>`;

function title() {
  const { rollout, releases: { promoted } } = state;
  if (isUnderWay(rollout) && rollout.status.phase === "withdrawing" && !rollout.status.paused) return `The fleet goes back to ${rollout.from ?? "nothing"}.`;
  if (isUnderWay(rollout)) return rollout.status.paused ? `The way to ${rollout.release} is paused.` : `The fleet moves to ${rollout.release}.`;
  return promoted ? `The fleet is on ${promoted}.` : "No base has been promoted yet.";
}

function card(rollout) {
  const { status, tally, policy } = rollout;
  const failed = Object.entries(rollout.failures);
  const used = failed.length - rollout.accepted;
  return html`<article class="panel rollout" data-paused=${Boolean(status.paused)}>
    <header>
      <h2>${rollout.id} <span class="quiet">${rollout.from ?? "nothing"} → ${rollout.release}</span></h2>
      ${isUnderWay(rollout) ? actions(rollout) : html`<span class="end" data-good=${status.phase === "completed"}>${ENDS[status.phase]}${status.since ? ` ${ago(status.since, now())}` : ""}</span>`}
    </header>
    ${steps(rollout)}
    ${progress(rollout)}
    <p class="tally">
      ${tallied([
        [tally.succeeded, arrived(rollout), "running"],
        [tally.failed, "failed", "failed"],
        [tally.unknown, "unknown", "failed"],
        [tally.moving, "on their way", "starting"],
        [tally.pending, "to go", "empty"],
        [tally.waiting, "wait", "empty"],
        [tally.skipped, "not moved", "empty"],
      ])}
    </p>
    <p class="quiet">
      Began ${ago(rollout.startedAt, now())} by ${short(rollout.by)}${rollout.promotedAt ? `, promoted ${ago(rollout.promotedAt, now())}` : ""}.
      ${policy ? html`<span class=${used > policy.tolerance ? "bad" : ""}>${used ? `${count(used)} failed, ` : ""}${policy.tolerance ? many(policy.tolerance, "failure") : "no failure"} allowed${rollout.accepted ? `, ${count(rollout.accepted)} accepted` : ""}.</span>` : nothing}
    </p>
    ${status.paused ? html`<p class="alert" role="status">Paused ${status.since ? ago(status.since, now()) : ""}: ${pauseReason(status.paused)}.</p>` : nothing}
    ${failed.length ? html`<table class="plain"><caption class="unseen">Who failed</caption>
      <thead><tr><th scope="col">Failed</th><th scope="col">How</th><th scope="col">Why</th></tr></thead>
      <tbody>${failed.map(([tenant, { code, message }]) => html`<tr><th scope="row"><a href="#/fleet/${tenant}">${tenant}</a></th><td>${FAILURES[code] ?? code}</td><td>${message}</td></tr>`)}</tbody>
    </table>` : nothing}
  </article>`;
}

const tallied = (parts) => {
  const there = parts.filter(([number]) => number > 0);
  if (!there.length) return html`<span class="quiet">Nobody is running, so nobody is moved.</span>`;
  return there.map(([number, words, tone]) => html`<span data-tone=${tone}><b>${count(number)}</b> ${words}</span>`);
};

function steps(rollout) {
  const { status, policy } = rollout;
  const waves = policy?.waves ?? [100];
  const names = [
    ...(policy?.canaries === 0 ? [] : [["canary", "Canary", policy ? many(policy.canaries, "tenant") : ""], ["baking", "Baking", policy ? span(policy.bakeSeconds * 1000) : ""]]),
    ...waves.map((percent, index) => [`wave ${index + 1}`, `Wave ${index + 1}`, `to ${percent} %`]),
  ];
  const over = OVER.includes(status.phase);
  const here = status.phase === "wave" ? `wave ${status.wave}` : status.phase;
  const at = status.phase === "completed" ? names.length : names.findIndex(([key]) => key === here);
  // Only canaries reject a release; whoever else takes it back is named.
  const isRejected = status.phase === "rejected" || (status.phase === "withdrawing" && !status.by);
  const isAt = (index) => {
    if (at < 0) return isRejected && index === 0 ? "failed" : "not";
    if (index < at) return "done";
    return index === at && !over ? "now" : "next";
  };
  return html`<ol class="steps" aria-label="Stages">
    ${names.map(([, name, words], index) => html`<li data-is=${isAt(index)} aria-current=${isAt(index) === "now" ? "step" : nothing}><b>${name}</b><span>${words}</span></li>`)}
    ${status.phase === "withdrawing" ? html`<li data-is="now" aria-current="step"><b>Putting back</b><span>to ${rollout.from ?? "nothing"}</span></li>` : nothing}
  </ol>`;
}

function actions(rollout) {
  const operate = (verb) => async () => {
    const { body } = await post(`/rollouts/${rollout.id}/${verb}`);
    state.rollout = body;
    await fleet();
  };
  const { paused, phase } = rollout.status;
  const back = { title: `Put everyone back to ${rollout.from ?? "nothing"}?`, text: `Whoever has ${rollout.release} is moved once more, and ${rollout.release} is refused from then on.`, yes: "Roll back" };
  const end = { title: `End ${rollout.id}?`, text: "Tenants stay where they are: some on the one release, some on the other.", yes: "Abort" };
  return html`<div class="row">
    ${paused ? html`
      <button class="primary" @click=${act(operate("resume"), "It goes on")}>Resume</button>
      <button @click=${act(operate("resume?retry=true"), "The failed ones are moved once more")}>Resume with retry</button>` : html`
      <button @click=${act(operate("pause"), "Nobody is moved from now on")}>Pause</button>`}
    ${phase === "withdrawing" ? nothing : html`<button @click=${sure(back, operate("rollback"), "They are put back")}>Roll back</button>`}
    <button @click=${sure(end, operate("abort"), "It is over")}>Abort</button>
  </div>`;
}

const planner = () => html`<article class="panel" aria-labelledby="plan-title">
  <header><h2 id="plan-title">Plan a rollout</h2></header>
  <form class="plan" @submit=${act(plan)}>
    <label>To <select name="release">
      <option value="">the newest base</option>
      ${state.releases.releases.map(({ id }) => html`<option value=${id} ?selected=${state.planned === id}>${id}</option>`)}
    </select></label>
    <label>Canaries <input name="canaries" type="number" min="0" max="100" placeholder="as set" /></label>
    <label>Tolerance <input name="tolerance" type="number" min="0" max="200" placeholder="as set" /></label>
    <label>Waves <input name="waves" placeholder="10, 50, 100" pattern="[0-9, ]*" /></label>
    <div class="row"><button type="submit">Show what it would do</button></div>
  </form>
  ${state.plan ? planned(state.plan) : html`<p class="quiet">Shows who would move in which wave. Nothing is changed.</p>`}
</article>`;

function bodyOf(form) {
  const said = Object.fromEntries([...new FormData(form)].filter(([, value]) => value.trim()));
  const policy = {};
  if (said.canaries) policy.canaries = Number(said.canaries);
  if (said.tolerance) policy.tolerance = Number(said.tolerance);
  if (said.waves) policy.waves = said.waves.split(/[ ,]+/).filter(Boolean).map(Number);
  return { ...(said.release ? { release: said.release } : {}), ...(Object.keys(policy).length ? { policy } : {}) };
}

async function plan(event) {
  event.preventDefault();
  const asked = bodyOf(event.currentTarget ?? event.target);
  state.plan = { asked, ...(await post("/rollouts?dryRun=true", asked)).body };
}

function planned(plan) {
  const moved = plan.waves.reduce((sum, { tenants }) => sum + tenants.length, 0);
  const most = Math.max(1, ...plan.waves.map(({ tenants }) => tenants.length));
  const why = (entries) => Object.entries(Object.groupBy(entries, ([, reason]) => reason.why)).map(([reason, all]) => `${count(all.length)} ${REASONS[reason] ?? reason}`);
  const start = async () => {
    await post("/rollouts", plan.asked);
    state.plan = null;
  };
  return html`<div class="planned" role="status">
    ${changes(plan)}
    ${moved ? html`<ol>${plan.waves.map(({ name, tenants, seconds }) => html`<li>
      <b>${name}</b>
      ${bar([[tenants.length, "running", many(tenants.length, "tenant")], [most - tenants.length, "empty", ""]], many(tenants.length, "tenant"))}
      <span class="quiet" title=${tenants.slice(0, 40).join(" ")}>${count(tenants.length)} in ${span(seconds * 1000)}</span>
    </li>`)}</ol>` : html`<p>Nobody would be moved now.</p>`}
    ${[...why(plan.waiting), ...why(plan.skipped)].map((line) => html`<p class="quiet">${line}</p>`)}
    ${moved ? html`<p>${many(moved, "tenant")} in about ${span(plan.totalSeconds * 1000)}, at most ${count(plan.inFlightLimit)} at once${plan.registrations ? `, ${many(plan.registrations, "definition")} to register` : ""}.</p>` : nothing}
    <div class="row"><button class="primary" @click=${act(start, "It begins within a minute")}>Start it</button><button @click=${() => { state.plan = null; changed(); }}>Leave it</button></div>
  </div>`;
}

/** What the one base has and the other has not. Values of variables are never shown. */
function changes(plan) {
  if (!plan.changes?.length) return nothing;
  const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));
  const marks = { added: "+", removed: "−", changed: "~" };
  return html`<ul class="changes" aria-label="What changes from ${plan.from} to ${plan.release}">${plan.changes.map((change) => html`<li data-kind=${change.kind}>
    <code><b>${marks[change.kind]}</b> ${change.path}</code>
    <span>${change.kind === "changed" ? html`${shown(change.from)} → ${shown(change.to)}` : shown(change.value)}${change.keptBy ? html` <span class="quiet">${many(change.keptBy, "tenant")} keep their own</span>` : nothing}</span>
  </li>`)}</ul>`;
}

const releases = () => html`<article class="panel" aria-labelledby="releases-title">
  <header><h2 id="releases-title">Releases</h2></header>
  <ol class="releases">
    ${state.releases.releases.map((release) => {
      const current = release.id === state.releases.promoted;
      const words = current ? "the fleet's" : release.id === state.releases.candidate ? "on trial" : release.state === "promoted" ? "former" : release.state;
      return html`<li data-is=${current ? "current" : release.state}>
        <b>${release.id}</b>
        <span>${words} <span class="quiet">${ago(release.since ?? release.foundAt, now())} · ${short(release.source)}</span></span>
        ${release.reasons?.length ? html`<span class="why">${release.reasons.join("; ")}</span>` : nothing}
      </li>`;
    })}
  </ol>
</article>`;
