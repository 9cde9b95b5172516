// A world of one's own can be played: its clock, its deploys, and what goes wrong in it.

import { html, nothing } from "./vendor/lit-html.js";
import { call, get, post } from "./api.js";
import { changed, now, setTime, state } from "./store.js";
import { act, toast } from "./ui.js";
import { clock, date, many } from "./words.js";

const SPEEDS = [0, 1, 20, 300];

/** How far the clock goes at once when it leaps: so that what happens meanwhile is seen to happen. */
const LEAP = 60;

/** How many tenants are signed up at once. */
const AT_ONCE = 8;

let open = false;
let leaping = 0;
let working = null;

export const dock = () => html`<section class="dock" aria-label="Play the world" data-open=${open}>
  <div class="line">
    <button class="clock" aria-expanded=${open} @click=${() => { open = !open; changed(); }} title="Play the world">
      <span class="now">${clock(now())}</span><span class="quiet">${date(now())}${state.time.speed === 1 ? "" : state.time.speed ? ` · ${state.time.speed}×` : " · still"}</span>
    </button>
    ${open ? nothing : html`<span class="hint quiet">Play the world</span>`}
    <div class="speeds" role="group" aria-label="How fast time passes">
      ${SPEEDS.map((speed) => html`<button aria-pressed=${state.time.speed === speed} aria-label=${speed ? `${speed} times as fast` : "Stand still"} @click=${act(() => pace(speed))}>${speed ? `${speed}×` : html`<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M5 3v10M11 3v10" /></svg>`}</button>`)}
    </div>
    <div class="leaps" role="group" aria-label="Let time pass">
      ${[[60, "1 min"], [600, "10 min"], [3600, "1 hour"]].map(([seconds, words]) => html`<button ?disabled=${leaping > 0} @click=${act(() => leap(seconds))}>+${words}</button>`)}
    </div>
  </div>
  ${open ? controls() : nothing}
</section>`;

const controls = () => html`<div class="controls">
  <div class="group" role="group" aria-label="Sign up customers"><span class="quiet" aria-hidden="true">Sign up customers</span>
    ${[1, 10, 100].map((number) => html`<button @click=${act(() => signUp(number), () => `${many(number, "customer")} signed up`)} aria-label="Sign up ${number}">${number}</button>`)}
    <button aria-pressed=${Boolean(working)} @click=${act(() => toggleWork())}>${working ? "They work" : "Let them work"}</button>
  </div>
  <div class="group" role="group" aria-label="Deploy a base"><span class="quiet" aria-hidden="true">Deploy a base</span>
    <button @click=${act(() => deploy("good"), "A good base is deployed")}>Good</button>
    <button @click=${act(() => deploy("missing"), "A base is deployed whose image is not there")}>No image</button>
    <button @click=${act(() => deploy("never-starts"), "A base is deployed that never starts")}>Never starts</button>
    <button @click=${act(() => deploy("crashes:20"), "A base is deployed that crashes")}>Crashes</button>
  </div>
  <div class="group" role="group" aria-label="Trouble"><span class="quiet" aria-hidden="true">Trouble</span>
    <button aria-pressed=${state.world.lose > 0} @click=${act(lose)}>${state.world.lose > 0 ? "Half of all events are lost" : "Lose events"}</button>
    <button @click=${act(() => post("/_local/faults", { service: "ecs", action: "UpdateService", error: "ThrottlingException", count: 25 }), "ECS refuses the next 25 updates of services")}>Throttle ECS</button>
    <button @click=${act(retire, (id) => `The host of ${id} is retired`)}>Retire a host</button>
  </div>
</div>`;

async function pace(speed) {
  const { body } = await post("/_local/clock", { speed });
  setTime(Date.parse(body.now), body.speed);
  changed();
}

/** In steps, so that what happens meanwhile is seen to happen. */
async function leap(seconds) {
  leaping = seconds;
  changed();
  try {
    while (leaping > 0) {
      const { body } = await post("/_local/clock", { advance_seconds: Math.min(LEAP, leaping) });
      setTime(Date.parse(body.now), body.speed);
      leaping -= LEAP;
      changed();
    }
  } finally {
    leaping = 0;
  }
}

/** Names that nobody has yet. */
function* names() {
  for (let number = state.tenants.size + 1; ; number += 1) {
    const id = `customer-${number}`;
    if (!state.tenants.has(id)) yield id;
  }
}

async function signUp(number) {
  const free = names();
  const rest = Array.from({ length: number }, () => free.next().value);
  const worker = async () => {
    for (let id = rest.shift(); id; id = rest.shift()) await call("PUT", `/tenants/${id}`, {});
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Everyone who runs is heard of now and then, so that nobody is put to sleep. */
function toggleWork() {
  if (working) {
    clearInterval(working);
    working = null;
    return;
  }
  const beat = async () => {
    const running = [...state.tenants.values()].filter(({ phase }) => phase === "running").map(({ id }) => id);
    for (let from = 0; from < running.length; from += 100) {
      await post("/activity", { tenants: running.slice(from, from + 100) }).catch(({ message }) => toast(message, "bad"));
    }
  };
  working = setInterval(beat, 2000);
  beat();
}

/** The base as it is, with the next version, and an image that behaves so. */
async function deploy(behaviour) {
  const { taskDefinition } = (await get("/_local/base")).body;
  const [main] = taskDefinition.containerDefinitions;
  const version = main.environment.find(({ name }) => name === "BASE_VERSION");
  const next = String(Number(version?.value ?? 1) + 1);
  if (version) version.value = next;
  main.image = `${main.image.split(":")[0]}:${next}`;
  await post("/_local/images", { image: main.image, behaviour: behaviour === "good" ? "healthy" : behaviour });
  await post("/_local/base", { taskDefinition, stackStatus: "UPDATE_COMPLETE" });
}

async function lose() {
  const rate = state.world.lose > 0 ? 0 : 0.5;
  await post("/_local/delivery", { lose: rate });
  state.world.lose = rate;
  toast(rate ? "Half of all events are lost from now on" : "Every event comes again");
}

async function retire() {
  const running = [...state.tenants.values()].filter(({ phase }) => phase === "running");
  if (!running.length) throw new Error("Nobody is running.");
  const { id } = running[Math.floor(Math.random() * running.length)];
  const { taskArn } = (await get(`/tenants/${id}`)).body;
  await post("/_local/interruptions", { task: taskArn, kind: "retirement" });
  return id;
}
