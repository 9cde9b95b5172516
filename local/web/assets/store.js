// What the page knows. Whoever changes it says so, and the page is drawn once in the next frame.

import { PHASES, PHASE_WORDS, isBehind } from "./words.js";

export const state = {
  /** Every tenant by id, as the API answered last. */
  tenants: new Map(),
  /** Their ids in order. */
  order: [],
  /** How many are in which phase. */
  counts: {},
  /** How many that run are on which release. */
  releasesRunning: new Map(),
  releases: { promoted: null, candidate: null, rollout: null, releases: [] },
  rollout: null,
  /** connecting, live, polling, lost, denied */
  link: "connecting",
  loaded: 0,
  problem: null,
  /** Server time at a moment of this machine, and how fast it runs. */
  time: { at: Date.now(), seen: performance.now(), speed: 1 },
  world: { lose: 0 },
  /** What happened while the page was open, newest first. */
  events: [],
  /** Counts by phase over time. */
  samples: [],
  /** When a tile last changed, for a moment of light. */
  flashes: new Map(),
  view: "fleet",
  selected: null,
  phase: null,
  search: "",
  colour: "phase",
  form: "tiles",
};

/** How many events and samples are kept. */
const EVENTS = 500;
const SAMPLES = 600;

let draw = () => {};
let drawing = false;

/** Says how the page is drawn. */
export const onChange = (draws) => (draw = draws);

/** Something has changed. */
export function changed() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
  });
}

/** Something has changed that the next key is about: it is drawn at once. */
export const drawNow = () => draw();

/** What time it is where the tenants live. */
export function now() {
  const { at, seen, speed } = state.time;
  return at + (performance.now() - seen) * speed;
}

export function setTime(at, speed = state.time.speed) {
  state.time = { at, seen: performance.now(), speed };
}

const inOrder = new Intl.Collator("en", { numeric: true });

/** Tenants as they are now; `all` if these are all there are. */
export function apply(tenants, all) {
  const gone = all ? new Set(state.tenants.keys()) : new Set();
  let structure = false;
  for (const tenant of tenants) {
    const before = state.tenants.get(tenant.id);
    gone.delete(tenant.id);
    structure ||= !before;
    // Only a tenant that is asked for alone says when it worked and when it will sleep.
    if (all && before?.intent.generation === tenant.intent.generation) {
      tenant.lastActivity ??= before.lastActivity;
      tenant.stopsAt ??= tenant.phase === "running" ? before.stopsAt : null;
    }
    state.tenants.set(tenant.id, tenant);
    tell(before, tenant);
  }
  for (const id of gone) remove(id);
  if (structure || gone.size) state.order = [...state.tenants.keys()].sort(inOrder.compare);
  count();
  changed();
}

/** A tenant is not there any more. */
export function remove(id) {
  if (!state.tenants.delete(id)) return;
  say({ tenant: id, text: "is gone", phase: "deleting" });
  state.order = state.order.filter((other) => other !== id);
  if (state.selected === id) state.selected = null;
  count();
  changed();
}

function tell(before, tenant) {
  if (!before) {
    if (state.link !== "connecting") say({ tenant: tenant.id, text: `is ${PHASE_WORDS[tenant.phase]}`, phase: tenant.phase });
    return;
  }
  const moved = before.release.applied !== tenant.release.applied;
  const fresh = before.phase === tenant.phase && tenant.taskArn && before.taskArn && before.taskArn !== tenant.taskArn;
  if (before.phase === tenant.phase && !moved && !fresh) return;
  state.flashes.set(tenant.id, performance.now());
  if (before.phase !== tenant.phase) say({ tenant: tenant.id, text: `${PHASE_WORDS[before.phase]} → ${PHASE_WORDS[tenant.phase]}`, phase: tenant.phase, why: why(tenant) });
  // Between two looks a task can end and another take its place.
  if (fresh && !moved) say({ tenant: tenant.id, text: "has a fresh task", phase: tenant.phase, why: tenant.intent.at === before.intent.at ? "the one before it ended" : tenant.intent.reason });
  if (moved && tenant.release.applied) say({ tenant: tenant.id, text: `takes ${tenant.release.applied}`, phase: tenant.phase, why: `was on ${before.release.applied ?? "nothing"}` });
}

function why({ phase, intent, lastError }) {
  if (phase === "failed") return lastError?.message ?? intent.reason;
  return phase === "running" ? "" : intent.reason;
}

/** Something happened. */
export function say(event) {
  state.events.unshift({ at: now(), ...event });
  state.events.length = Math.min(state.events.length, EVENTS);
}

function count() {
  const counts = Object.fromEntries(PHASES.map((phase) => [phase, 0]));
  const running = new Map();
  let behind = 0;
  for (const tenant of state.tenants.values()) {
    counts[tenant.phase] = (counts[tenant.phase] ?? 0) + 1;
    if (tenant.phase !== "running" || !tenant.release.applied) continue;
    running.set(tenant.release.applied, (running.get(tenant.release.applied) ?? 0) + 1);
    behind += isBehind(tenant) ? 1 : 0;
  }
  Object.assign(state, { counts, releasesRunning: running, behind });
}

/** Keeps how many are in which phase now. */
export function sample() {
  const at = now();
  // A clock may stand still while something changes.
  while (state.samples.at(-1)?.at >= at) state.samples.pop();
  state.samples.push({ at, ...state.counts });
  // Older ones are thinned out, so that hours fit as well as minutes.
  if (state.samples.length > SAMPLES) state.samples = state.samples.filter((_, index) => index % 2 === 0 || index > SAMPLES / 2);
}

/** Tenants in the order in which they are shown, and whether each is looked for. */
export function matches() {
  const search = state.search.trim().toLowerCase();
  return (tenant) => {
    if (state.phase && tenant.phase !== state.phase) return false;
    if (!search) return true;
    return tenant.id.toLowerCase().includes(search) || tenant.release.applied === search || tenant.phase === search;
  };
}
