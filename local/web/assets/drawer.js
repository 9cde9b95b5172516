// One tenant: why it is as it is, what was decided about it, what is its own, and what can be done.

import { html, nothing } from "./vendor/lit-html.js";
import { call, get, post } from "./api.js";
import { changed, now, remove, state } from "./store.js";
import { refresh } from "./sync.js";
import { act, facts, pill, sure } from "./ui.js";
import { DECISIONS, ago, ahead, isBehind, isOlder, note, pieces, short, size } from "./words.js";

/** How often what is told of the chosen tenant is read again, in milliseconds. */
const AGAIN = 5000;

let told = { id: null, explanation: null, decisions: [] };
let seen = null;
let reading = false;

/** Reads what there is to tell of the chosen tenant, when it has changed or some time has passed. */
export async function follow() {
  const id = state.selected;
  const tenant = state.tenants.get(id);
  if (!tenant) return;
  const mark = `${id} ${tenant.phase} ${tenant.intent.generation} ${tenant.settled} ${tenant.release.applied}`;
  if (reading || (seen?.mark === mark && performance.now() - seen.at < AGAIN)) return;
  seen = { mark, at: performance.now() };
  reading = true;
  try {
    if (told.id !== id) told = { id, explanation: null, decisions: [] };
    await refresh(id);
    if (!state.tenants.has(id)) return;
    const [history, explanation] = await Promise.all([
      get(`/tenants/${id}/history`).then(({ body }) => body.decisions, () => told.decisions),
      get(`/tenants/${id}/explain`).then(({ body }) => body, () => null),
    ]);
    told = { id, decisions: history, explanation };
  } catch {
    // The line to the API is watched elsewhere; what was told stays.
  } finally {
    reading = false;
    changed();
  }
}

export function drawer(close, edit) {
  const tenant = state.tenants.get(state.selected);
  if (!tenant) return nothing;
  return html`<aside class="drawer" aria-labelledby="drawer-title">
    <header>
      <div>
        <h2 id="drawer-title" tabindex="-1">${tenant.id}</h2>
        ${pill(tenant.phase)}${tenant.settled || tenant.phase === "failed" ? nothing : html`<span class="quiet">not there yet</span>`}
      </div>
      <button class="icon" aria-label="Close" title="Close (Esc)" @click=${close}><svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3 3l10 10M13 3L3 13" /></svg></button>
    </header>
    <div class="row">${actions(tenant, edit)}</div>
    ${why(tenant)}
    ${facts(live(tenant))}
    ${timeline(tenant)}
    ${own(tenant)}
    <h3>Made for it</h3>
    ${facts([
      ["definition", mono(short(tenant.definitionArn))],
      ["service", mono(tenant.serviceName)],
      ["task", mono(short(tenant.taskArn))],
      ["generation", tenant.intent.generation],
    ])}
    ${goodbye(tenant)}
  </aside>`;
}

const mono = (text) => (text ? html`<code>${text}</code>` : null);

function actions(tenant, edit) {
  const { id, phase } = tenant;
  const ask = (verb) => async () => {
    await post(`/tenants/${id}/${verb}`);
    await refresh(id);
  };
  const button = (verb, words, done, main) => html`<button class=${main ? "primary" : ""} @click=${act(ask(verb), done)}>${words}</button>`;
  return html`
    ${phase === "stopped" || phase === "stopping" ? button("wake", "Wake", `${id} wakes`, true) : nothing}
    ${phase === "failed" ? button("retry", "Retry", `${id} is tried again`, true) : nothing}
    ${phase === "running" ? button("activity", "Heartbeat", "Heard") : nothing}
    ${phase === "running" || phase === "starting" ? html`${button("sleep", "Sleep", `${id} goes to sleep`)}${button("restart", "Restart", `${id} gets a fresh task`)}` : nothing}
    ${phase === "running" && isOlder(tenant) ? button("update", `Move to ${tenant.release.promoted}`, `${id} moves`) : nothing}
    <button @click=${() => edit(tenant)}>Change</button>`;
}

function goodbye({ id, phase }) {
  if (phase === "deleting") return nothing;
  const gone = { title: `Delete ${id}?`, text: "Its service, revisions and access point go. The files in its workspace stay.", yes: "Delete" };
  const erase = async () => {
    await call("DELETE", `/tenants/${id}`);
    await refresh(id).catch(() => remove(id));
  };
  return html`<p class="goodbye"><button class="danger quietly" @click=${sure(gone, erase, `${id} is being deleted`)}>Delete ${id}</button></p>`;
}

/** All of it in a few sentences: the API's own, if it has them. */
function why(tenant) {
  const explanation = told.id === tenant.id ? told.explanation : null;
  const problem = note(tenant);
  const keepers = explanation?.idle?.keepers ?? [];
  return html`
    ${explanation?.summary ? html`<p class="why">${pieces(explanation.summary, now()).map(({ text, whole }) => (whole ? html`<span title=${whole}>${text}</span>` : text))}</p>` : nothing}
    ${problem ? html`<p class="alert">${problem}</p>` : nothing}
    ${keepers.length > 1 ? html`<p class="keepers quiet">Kept up by ${keepers.map(({ by, ends }) => `${KEEPERS[by] ?? by} (${ahead(ends, now())})`).join(", ")}.</p>` : nothing}
    ${explanation?.idle?.decidedOn ? html`<details class="quiet"><summary>What that is judged on</summary>${raw(explanation.idle.decidedOn)}</details>` : nothing}`;
}

const raw = (value) => html`<pre>${JSON.stringify(value, null, 1).slice(2, -2)}</pre>`;

const KEEPERS = { work: "its work", protection: "a protection", hold: "a hold" };

function live(tenant) {
  const { intent, release, stopped } = tenant;
  const at = now();
  const when = (moment, tell) => (moment ? html`<span title=${moment}>${tell(moment, at)}</span>` : null);
  return [
    ["wanted", html`${intent.state} <span class="quiet" title=${intent.by}>${intent.reason} by ${short(intent.by)}, ${ago(intent.at, at)}</span>`],
    ["release", release.applied ? html`${release.applied}${isBehind(tenant) ? html` <span class="quiet">the fleet's is ${release.promoted ?? "none"}</span>` : nothing}` : null],
    ["address", mono(tenant.endpoint?.address)],
    ["last work", when(tenant.lastActivity, ago)],
    ["sleeps", when(tenant.stopsAt, ahead)],
    ["held", when(tenant.holdUntil, ahead)],
    ["protected", when(tenant.protectedUntil, ahead)],
    ["wakes", when(tenant.wakeAt, ahead)],
    ["ended", stopped && tenant.phase !== "running" ? html`${ago(stopped.at, at)} <span class="quiet">${stopped.reason}${stopped.by ? ` by ${short(stopped.by)}` : ""}</span>` : null],
    ["size", size(tenant.overlay)],
  ];
}

/** What was decided, and what the page has seen happen, newest first. */
function timeline(tenant) {
  const decided = told.id === tenant.id ? told.decisions.map((entry) => ({ at: Date.parse(entry.at), ...words(entry), on: entry.on })) : [];
  const seenHere = state.events.filter((event) => event.tenant === tenant.id).map((event) => ({ at: event.at, text: event.text, why: event.why, phase: event.phase }));
  const all = [...decided, ...seenHere].sort((one, other) => other.at - one.at).slice(0, 40);
  return html`<h3>Timeline</h3>
    ${all.length ? html`<ol class="timeline">${all.map((entry) => html`<li data-phase=${entry.phase ?? ""} data-decided=${Boolean(entry.on)}>
      <time datetime=${new Date(entry.at).toISOString()} title=${new Date(entry.at).toISOString()}>${ago(entry.at, now())}</time>
      <div>
        ${entry.on ? html`<details><summary>${entry.text}</summary>${raw(entry.on)}</details>` : entry.text}
        ${entry.why ? html`<span class="quiet">${entry.why}</span>` : nothing}
      </div>
    </li>`)}</ol>` : html`<p class="quiet">Nothing was decided in the last 90 days.</p>`}`;
}

const words = ({ decision, on }) => ({
  text: DECISIONS[decision] ?? decision.replaceAll("-", " "),
  why: on?.reason ?? on?.intentReason ?? null,
});

function own(tenant) {
  const { overlay, overlayVersion } = tenant;
  const pairs = (name) => Object.entries(overlay[name] ?? {}).map(([key, value]) => [key, html`<code class="value" title=${value}>${name === "secrets" ? value.split(":").slice(-2).join(":") : value}</code>`]);
  const rest = Object.entries(overlay).filter(([name]) => !["env", "secrets", "size", "image"].includes(name)).map(([name, value]) => [name, typeof value === "object" ? html`<code>${JSON.stringify(value)}</code>` : String(value)]);
  const all = [["image", mono(overlay.image)], ...pairs("env"), ...pairs("secrets"), ...rest].filter(([, value]) => value);
  return html`<h3>Its own <span class="quiet">· version ${overlayVersion}</span></h3>
    ${all.length ? facts(all) : html`<p class="quiet">Nothing: it is as the base says.</p>`}`;
}
