// How things are said: phases, spans of time, reasons.

export const PHASES = ["running", "starting", "provisioning", "stopping", "stopped", "failed", "deleting"];

/** What a person calls a phase. */
export const PHASE_WORDS = {
  running: "running",
  starting: "starting",
  provisioning: "being made",
  stopping: "stopping",
  stopped: "asleep",
  failed: "failed",
  deleting: "being deleted",
};

/** Phases that pass. */
export const isMoving = (phase) => ["starting", "provisioning", "stopping", "deleting"].includes(phase);

const number = new Intl.NumberFormat("en");
export const count = (value) => number.format(value);
export const many = (value, one) => `${count(value)} ${one}${value === 1 ? "" : "s"}`;

/** A span in its two largest units. */
export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [minutes, hours, days] = [seconds / 60, seconds / 3600, seconds / 86400].map(Math.floor);
  const two = (large, unit, small, part) => (small ? `${large} ${unit} ${small} ${part}` : `${large} ${unit}`);
  if (seconds < 60) return `${seconds} s`;
  if (minutes < 60) return `${minutes} min`;
  if (hours < 24) return two(hours, "h", minutes % 60, "min");
  return two(days, "d", hours % 24, "h");
}

/** A moment in milliseconds, of whatever says when. */
const moment = (at) => (typeof at === "number" ? at : Date.parse(at));

export function ago(at, now) {
  const passed = now - moment(at);
  if (passed < -999) return ahead(at, now);
  return passed < 1000 ? "now" : `${span(passed)} ago`;
}

export function ahead(at, now) {
  const left = moment(at) - now;
  return left < 1000 ? "now" : `in ${span(left)}`;
}

const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "UTC" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
export const clock = (ms) => time.format(ms);
export const date = (ms) => day.format(ms);

const WHOLE = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z|arn:aws[\w-]*:[^\s,;]*[^\s,;.])/;

/** A sentence of the API in pieces, `{ text, whole }`: moments as a clock shows them, and ARNs by their ends. */
export const pieces = (sentence, at) => sentence.split(WHOLE).map((whole, index) => {
  if (index % 2 === 0) return { text: whole };
  if (whole.startsWith("arn:")) return { text: short(whole), whole };
  const told = Date.parse(whole);
  return { text: date(told) === date(at) ? clock(told) : `${clock(told)} on ${date(told)}`, whole };
});

/** The end of an ARN, or a plain name. */
export const short = (arn) => (arn ?? "").split("/").pop();

/** ECS counts 1,024 CPU units to a vCPU, and memory in MiB. */
export function size(overlay) {
  const { cpu, memory } = overlay?.size ?? {};
  const thousandths = (value) => Number((value / 1024).toFixed(2));
  return cpu ? `${thousandths(cpu)} vCPU, ${thousandths(memory)} GB` : null;
}

const rank = (release) => Number((release ?? "r0").slice(1));

/** Whether it is on another release than the fleet's, and whether that is an older one. */
export const isBehind = ({ release }) => Boolean(release.applied) && release.applied !== release.promoted;
export const isOlder = ({ release }) => Boolean(release.applied) && rank(release.applied) < rank(release.promoted);

/** What became of a tenant, by why its intent changed. */
export const BECAME = {
  provision: "created",
  change: "changed",
  wake: "woken",
  sleep: "put to sleep",
  idle: "asleep, unused",
  restart: "restarted",
  retry: "tried again",
  delete: "deleted",
  rollout: "moved",
  update: "moved",
  "crash-loop": "stopped, crashing",
};

/** What became of a tenant, and when. */
export const became = ({ intent }, at) => `${BECAME[intent.reason] ?? intent.reason} ${ago(intent.at, at)}`;

/** What somebody should know who only looks at it in passing. A task that its service ended in favour of another is none. */
export function note(tenant) {
  if (tenant.lastError) return tenant.lastError.message;
  const { stopped } = tenant;
  if (tenant.phase === "running" || !stopped || stopped.by || stopped.code === "ServiceSchedulerInitiated") return null;
  return stopped.exitCode === null || stopped.exitCode === undefined ? stopped.reason : `${stopped.reason} (exit code ${stopped.exitCode})`;
}

/** Why a rollout is paused. */
export function pauseReason(paused) {
  switch (paused?.kind) {
    case "budget":
      return `${many(paused.failed, "tenant")} failed, ${paused.tolerance ? count(paused.tolerance) : "none"} may`;
    case "unknown":
      return `nobody knows how it went with ${paused.tenants.join(", ")}`;
    case "operator":
      return `${short(paused.by)} said so`;
    default:
      return paused ? JSON.stringify(paused) : "";
  }
}

export const REASONS = {
  asleep: "asleep; they take it when they wake",
  deleted: "being deleted",
  pinned: "pinned",
  manual: "offered the release, and nothing forces them",
  current: "there already",
  notConcerned: "never had the release",
  settling: "in the middle of another change",
  busy: "busy",
  offered: "offered the release for now",
};

/** How a tenant failed on a release. */
export const FAILURES = {
  registration: "refused by ECS",
  deployment: "deployment",
  crashLoop: "crash loop",
  fellBack: "fell back",
  noVerdict: "no verdict",
  other: "other",
};

/** What was decided, as a sentence begins. */
export const DECISIONS = {
  "idle-stop": "Put to sleep: nobody used it",
  "idle-stop-healed": "Put to sleep: an earlier sweep had begun to",
  "task-stopped": "Its task stopped",
  "crash-loop": "Stopped: it kept crashing",
  "definition-failed": "A definition did not start",
  "deployment-failed": "A deployment failed",
  "timestamp-repaired": "An impossible timestamp was repaired",
  "scheduled-wake": "A booked wake came due",
  "wake-booked": "A wake was booked",
  "wake-unbooked": "A booked wake was taken back",
  protected: "Protected from the sweep",
  "gave-up": "Given up on",
  hold: "Held",
  "hold-released": "A hold was given back",
  late: "It takes longer than it should",
  "dead-letter": "Given up on: no attempt came to an end",
  promoted: "Promoted",
};
