// How the page comes to know: all tenants once, then what has changed. A world of one's own tells by a stream; a deployed
// API is asked now and then, the less often the longer an answer takes, and not at all while nobody looks.

import { Problem, config, get, stream } from "./api.js";
import { apply, changed, remove, sample, say, setTime, state } from "./store.js";

/** So many tenants are asked for one by one; more are read with all others. */
const ONE_BY_ONE = 40;

/** How long changes are gathered before they are asked for. */
const GATHER = 150;

/** How many requests are under way at once. */
const AT_ONCE = 6;

let wanted = new Set();
let wantsFleet = false;
let gathering = null;
let loading = null;
let turns = 0;
const answered = new Map();

export async function begin() {
  if (config.local) await linked(async () => hear("clock", (await get("/_local/clock")).body));
  if (config.local) follow();
  else poll();
  setInterval(() => {
    if (state.link !== "connecting") sample();
    changed();
  }, 1000);
}

/** A request that changes the picture of the link to the API. */
async function linked(work, good) {
  try {
    const done = await work();
    state.problem = null;
    if (good) state.link = good;
    return done;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    state.link = problem.status === 401 || problem.status === 403 ? "denied" : "lost";
    state.problem = problem;
    return null;
  } finally {
    changed();
  }
}

/** All tenants, the releases and the newest rollout. */
export function everything() {
  loading ??= linked(readAll, config.local ? "live" : "polling").finally(() => (loading = null));
  return loading;
}

async function readAll() {
  const tenants = [];
  const first = state.tenants.size === 0;
  let cursor = null;
  do {
    const page = await get(`/tenants${cursor ? `?cursor=${cursor}` : ""}`);
    if (page.at && !config.local) setTime(page.at, 1);
    tenants.push(...page.body.tenants);
    cursor = page.body.cursor;
    state.loaded = tenants.length;
    // The first time, what is there is shown while the rest comes.
    if (first && cursor) apply(tenants.slice(-100), false);
  } while (cursor);
  apply(tenants, true);
  await fleet();
  sample();
}

/** The releases and the newest rollout. */
export async function fleet() {
  const releases = (await get("/releases")).body;
  const before = state.rollout;
  state.rollout = releases.rollout ? (await get(`/rollouts/${releases.rollout}`)).body : null;
  const after = state.rollout;
  state.releases = releases;
  const stage = (rollout) => rollout && `${rollout.id} ${rollout.status.phase} ${rollout.status.wave ?? ""} ${rollout.status.paused ? "paused" : ""}`;
  if (before && stage(before) !== stage(after)) {
    const wave = after.status.wave ? ` ${after.status.wave}` : "";
    say({ rollout: after.id, text: `to ${after.release}: ${after.status.paused ? "paused" : after.status.phase + wave}`, phase: after.status.paused ? "failed" : "starting" });
  }
  changed();
}

/** One tenant as it is now; an answer to an earlier question never takes the place of a later one's. */
export async function refresh(id) {
  const turn = (turns += 1);
  try {
    const { body } = await get(`/tenants/${id}`);
    if ((answered.get(id) ?? 0) > turn) return;
    answered.set(id, turn);
    apply([body], false);
  } catch (problem) {
    if (problem.code !== "no_tenant") throw problem;
    remove(id);
  }
}

function gather() {
  gathering ??= setTimeout(async () => {
    const ids = [...wanted];
    const also = wantsFleet;
    wanted = new Set();
    wantsFleet = false;
    try {
      // Whatever is being read is older than what is asked for now.
      await loading;
      await linked(async () => {
        if (ids.length > ONE_BY_ONE) await readAll();
        else {
          await inParallel(ids, refresh);
          if (also) await fleet();
        }
        sample();
      });
    } finally {
      gathering = null;
    }
    if (wanted.size || wantsFleet) gather();
  }, GATHER);
}

async function inParallel(items, work) {
  const rest = [...items];
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/**
 * Follows the stream of a local world. Everything is read once somebody listens, and again after a break: what happens
 * between the two would be missed otherwise.
 */
async function follow() {
  for (;;) {
    await linked(() => stream("/_local/stream", everything, hear).catch(ended), null);
    if (state.link === "live") state.link = "lost";
    changed();
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** A stream that breaks is an API that is gone, for now. */
function ended(problem) {
  throw problem instanceof Problem ? problem : new Problem(0, "unreachable", "The line to the API broke");
}

function hear(name, data) {
  switch (name) {
    case "clock":
      setTime(Date.parse(data.now), data.speed);
      state.world = { ...state.world, ...data };
      break;
    case "changed":
      data.tenants.forEach((id) => wanted.add(id));
      wantsFleet ||= data.fleet;
      gather();
      break;
    case "event":
      say({ raw: data.event, text: summary(data.event), phase: null, at: Date.parse(data.event.time) });
      break;
  }
  changed();
}

/** An event of AWS in a few words. */
function summary(event) {
  const { detail } = event;
  switch (event["detail-type"]) {
    case "ECS Task State Change":
      return `task ${detail.lastStatus} (${(detail.group ?? "").replace("service:", "")}, version ${detail.version})`;
    case "ECS Deployment State Change":
      return `${detail.eventName} ${event.resources?.[0]?.split("/").pop() ?? ""}`;
    case "CloudFormation Stack Status Change":
      return `stack ${detail["status-details"]?.status}`;
    default:
      return event["detail-type"];
  }
}

async function poll() {
  for (;;) {
    const began = performance.now();
    if (!document.hidden) await everything();
    const took = performance.now() - began;
    const often = config.everySeconds * 1000;
    const pause = Math.min(Math.max(often, took * 10), often * 10);
    await new Promise((resolve) => {
      setTimeout(resolve, pause);
      document.addEventListener("visibilitychange", () => !document.hidden && resolve(), { once: true });
    });
  }
}
