// The fleet at a glance.

import { html, nothing } from "./vendor/lit-html.js";
import { repeat } from "./vendor/directives/repeat.js";
import "./map.js";
import { changed, matches, now, state } from "./store.js";
import { bar, pill } from "./ui.js";
import { PHASES, PHASE_WORDS, became, count, isBehind, many, note, size } from "./words.js";
import { banner } from "./rollouts.js";

/** So many tenants are cards with words; more are tiles. */
const CARDS = 60;

/** The height of a row of the list, in pixels, and how many are drawn beyond what is seen. */
const ROW = 37;
const BEYOND = 12;

export const fleetView = (open, create) => html`
  <section class="fleet" aria-labelledby="fleet-title">
    <div class="headline">
      <h1 id="fleet-title">${sentence()}</h1>
      <div class="row">
        <button class="primary" @click=${create}>New tenant</button>
      </div>
    </div>
    ${banner()}
    ${state.tenants.size ? html`${tools()}${field(open)}` : empty(create)}
  </section>`;

function sentence() {
  const { counts, tenants } = state;
  if (!tenants.size) return state.link === "connecting" ? "Looking…" : "Nobody is here yet.";
  const moving = (counts.starting ?? 0) + (counts.provisioning ?? 0) + (counts.stopping ?? 0) + (counts.deleting ?? 0);
  const parts = [`${count(counts.running)} running`, `${count(counts.stopped)} asleep`];
  if (moving) parts.push(`${count(moving)} on the way`);
  const failed = counts.failed ? html`, <span class="bad">${count(counts.failed)} failed</span>` : nothing;
  return html`${parts.join(", ")}${failed}.`;
}

const empty = (create) => html`
  <div class="empty">
    <p>A tenant is one customer with a container of their own. It takes its definition from your base, and keeps what is its own over every change.</p>
    <p><button class="primary" @click=${create}>Create the first</button></p>
  </div>`;

function tools() {
  const chips = PHASES.filter((phase) => state.counts[phase] || state.phase === phase);
  return html`<div class="tools">
    <div class="chips" role="group" aria-label="Show one phase">
      ${chips.map((phase) => html`<button class="chip" data-phase=${phase} aria-pressed=${state.phase === phase} @click=${() => choose(phase)}>
        ${PHASE_WORDS[phase]} <b>${count(state.counts[phase])}</b>
      </button>`)}
    </div>
    ${releases()}
    <div class="row">
      <input id="search" type="search" placeholder="Find a tenant" aria-label="Find a tenant" .value=${state.search}
        @input=${(event) => set({ search: event.target.value })} />
      ${either("colour", { phase: "Phase", release: "Release" }, "Colour by")}
      ${either("form", { tiles: "Tiles", list: "List" }, "Show as")}
    </div>
  </div>`;
}

/** How many run which release. */
function releases() {
  if (!state.releasesRunning.size) return nothing;
  const { promoted } = state.releases;
  const tone = (release) => (release === promoted ? "running" : Number(release.slice(1)) > Number((promoted ?? "r0").slice(1)) ? "newer" : "older");
  const all = [...state.releasesRunning].sort(([one], [other]) => Number(other.slice(1)) - Number(one.slice(1)));
  return html`<div class="mix">
    ${bar(all.map(([release, number]) => [number, tone(release), `${release}: ${count(number)}`]), `Releases that run: ${all.map(([release, number]) => `${count(number)} on ${release}`).join(", ")}`)}
    <span class="quiet">${all.map(([release, number], index) => html`${index ? ", " : ""}<b data-tone=${tone(release)}>${release}</b> ${count(number)}`)}</span>
  </div>`;
}

const either = (name, choices, label) => html`<div class="either" role="group" aria-label=${label}>
  ${Object.entries(choices).map(([value, words]) => html`<button aria-pressed=${state[name] === value} @click=${() => set({ [name]: value })}>${words}</button>`)}
</div>`;

function set(changes) {
  Object.assign(state, changes);
  changed();
}

const choose = (phase) => set({ phase: state.phase === phase ? null : phase });

function field(open) {
  const wanted = matches();
  const tenants = state.order.map((id) => state.tenants.get(id)).filter(Boolean);
  if (state.form === "list") return list(tenants.filter(wanted), open);
  if (tenants.length <= CARDS) return cards(tenants, wanted, open);
  return html`<fleet-map class="field" @pick=${(event) => open(event.detail)} .picture=${{
    tenants,
    matches: wanted,
    flashes: state.flashes,
    colour: state.colour,
    selected: state.selected,
    summary: `${many(tenants.length, "tenant")}: ${PHASES.filter((phase) => state.counts[phase]).map((phase) => `${count(state.counts[phase])} ${PHASE_WORDS[phase]}`).join(", ")}.`,
    describe,
  }}></fleet-map>`;
}

function describe(tenant) {
  const release = tenant.release.applied ? ` · ${tenant.release.applied}` : "";
  const why = note(tenant);
  return `${PHASE_WORDS[tenant.phase] ?? tenant.phase}${release} · ${became(tenant, now())}${why ? ` · ${why}` : ""}`;
}

const cards = (tenants, wanted, open) => html`<ul class="field cards">
  ${repeat(tenants, ({ id }) => id, (tenant) => html`<li>
    <button class="card" data-phase=${tenant.phase} data-colour=${state.colour} data-release=${releaseTone(tenant)} ?data-dim=${!wanted(tenant)}
      aria-current=${state.selected === tenant.id ? "true" : nothing} @click=${() => open(tenant.id)}>
      <b>${tenant.id}</b>
      <span class="second">${pill(tenant.phase)}<span class="mark">${tenant.release.applied ?? ""}</span></span>
      <span class="quiet">${third(tenant)}</span>
    </button>
  </li>`)}
</ul>`;

function releaseTone({ release }) {
  if (!release.applied) return "none";
  if (release.applied === release.promoted) return "running";
  return Number(release.applied.slice(1)) > Number((release.promoted ?? "r0").slice(1)) ? "newer" : "older";
}

function third(tenant) {
  return note(tenant) ?? became(tenant, now());
}

/** A table of which only the rows that can be seen are drawn. */
function list(tenants, open) {
  const from = Math.max(0, Math.floor((state.scrolled ?? 0) / ROW) - BEYOND);
  const seen = tenants.slice(from, from + Math.ceil((state.height ?? 800) / ROW) + 2 * BEYOND);
  const below = Math.max(0, tenants.length - from - seen.length);
  return html`<div class="field list" tabindex="0" role="region" aria-label="Tenants" @scroll=${scroll}>
    <table aria-rowcount=${tenants.length + 1}>
      <thead><tr><th scope="col">Tenant</th><th scope="col">Phase</th><th scope="col">Release</th><th scope="col">Size</th><th scope="col">Wanted</th><th scope="col">Note</th></tr></thead>
      <tbody>
        ${space(from)}
        ${seen.map((tenant, index) => html`<tr aria-rowindex=${from + index + 2} aria-current=${state.selected === tenant.id ? "true" : nothing}>
          <th scope="row"><button class="link" @click=${() => open(tenant.id)}>${tenant.id}</button></th>
          <td>${pill(tenant.phase)}</td>
          <td>${tenant.release.applied ?? ""}${isBehind(tenant) ? html` <span class="quiet">not ${tenant.release.promoted}</span>` : nothing}</td>
          <td>${size(tenant.overlay) ?? html`<span class="quiet">base</span>`}</td>
          <td>${became(tenant, now())}</td>
          <td class="note">${note(tenant) ?? ""}</td>
        </tr>`)}
        ${space(below)}
      </tbody>
    </table>
    ${tenants.length ? nothing : html`<p class="quiet none">Nobody is like that.</p>`}
  </div>`;
}

/** Room for rows that are not drawn. */
const space = (rows) => rows ? html`<tr aria-hidden="true"><td colspan="6" class="space" .style=${`height: ${rows * ROW}px`}></td></tr>` : nothing;

function scroll({ currentTarget: { scrollTop, clientHeight } }) {
  Object.assign(state, { scrolled: scrollTop, height: clientHeight });
  changed();
}
