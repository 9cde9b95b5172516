// The page: where one is, what is drawn, and what the keys do.

import { html, nothing, render } from "./vendor/lit-html.js";
import { activityView, follow as followActivity } from "./activity.js";
import { config, configure, hasToken, ownToken, setToken } from "./api.js";
import { drawer, follow as followTenant } from "./drawer.js";
import { fleetView } from "./fleet.js";
import { rolloutsView } from "./rollouts.js";
import { changed, drawNow, onChange, state } from "./store.js";
import { begin, everything } from "./sync.js";
import { change, create, formView } from "./tenant-form.js";
import { openDialogs, questionView } from "./ui.js";
import { span } from "./words.js";
import { dock } from "./world.js";

const VIEWS = { fleet: "Fleet", rollouts: "Rollouts", activity: "Activity" };
const THEMES = ["auto", "light", "dark"];
const root = document.getElementById("app");

function page() {
  return html`
    <a class="skip" href="#main" @click=${skip}>Skip to the content</a>
    <header class="top">
      <a class="brand" href="#/fleet"><img src="assets/icon.svg" alt="" width="26" height="26" />Berth</a>
      <nav aria-label="Views">
        ${Object.entries(VIEWS).map(([name, words]) => html`<a href="#/${name}" aria-current=${state.view === name ? "page" : nothing}>${words}</a>`)}
      </nav>
      <span class="link-state" data-link=${state.link} role="status">${linkWords()}</span>
      <button class="icon" @click=${nextTheme} aria-label="Theme: ${theme()}" title="Theme: ${theme()}">
        <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="5.5" /><path d="M8 2.500a5.500 5.500 0 0 0 0 11z" class="half" /></svg>
      </button>
      <button class="icon keys" @click=${() => { state.help = true; changed(); }} aria-label="Keys" title="Keys (?)">?</button>
    </header>
    <div class="stage" data-drawer=${Boolean(state.selected)} data-local=${config.local}>
      <div class="column">
        <main id="main" tabindex="-1">${trouble()}${view()}</main>
        ${config.local ? dock() : nothing}
      </div>
      ${drawer(close, change)}
    </div>
    ${formView()}${questionView()}${help()}
    ${state.toast ? html`<p class="toast" data-tone=${state.toast.tone} role=${state.toast.tone === "bad" ? "alert" : "status"}>${state.toast.text}</p>` : nothing}`;
}

function view() {
  switch (state.view) {
    case "rollouts":
      return rolloutsView();
    case "activity":
      return activityView(open);
    default:
      return fleetView(open, create);
  }
}

function linkWords() {
  switch (state.link) {
    case "connecting":
      return state.loaded ? `reading, ${state.loaded} so far` : "connecting";
    case "polling":
      return `asks every ${span(config.everySeconds * 1000)}`;
    case "lost":
      return "no connection";
    case "denied":
      return "not allowed";
    default:
      return state.link;
  }
}

function trouble() {
  if (state.link === "denied") return signIn();
  if (state.link !== "lost" || !state.problem) return nothing;
  return html`<p class="alert" role="alert">${state.problem.message}. It is tried again by itself. <button @click=${() => everything()}>Now</button></p>`;
}

/** A token is asked for only when the API wants one. */
const signIn = () => html`<form class="panel sign-in" @submit=${(event) => {
  event.preventDefault();
  setToken(new FormData(event.target).get("token").trim());
  state.link = "connecting";
  changed();
  everything();
}}>
  <h2>Who are you?</h2>
  <p class="quiet">${hasToken() ? "The token was refused. " : ""}The API wants a bearer token with the scope <code>berth:admin</code>. It is kept in this tab alone, until it is closed.</p>
  <label>Token <input name="token" type="password" required autocomplete="off" /></label>
  <div class="row">
    <button class="primary" type="submit">Go on</button>
    ${config.local ? html`<button type="button" @click=${async () => { await ownToken(); await everything(); }}>Get one: this is my machine</button>` : nothing}
  </div>
</form>`;

const KEYS = [
  ["1 2 3", "fleet, rollouts, activity"],
  ["/", "find a tenant"],
  ["n", "new tenant"],
  ["arrows, Enter", "move on the map, open a tenant"],
  ["Esc", "close"],
  ["t", "theme"],
];

const help = () => state.help ? html`<dialog class="help" aria-labelledby="help-title" @cancel=${closeHelp}>
  <h2 id="help-title">Keys</h2>
  <dl class="facts">${KEYS.map(([key, words]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${words}</dd></div>`)}</dl>
  <div class="row end"><button class="primary" @click=${closeHelp}>Good</button></div>
</dialog>` : nothing;

function closeHelp() {
  state.help = false;
  changed();
}

// Where one is: #/fleet, #/fleet/acme, #/rollouts, #/activity.

function route() {
  const [view, id] = location.hash.replace(/^#\//, "").split("/");
  state.view = view in VIEWS ? view : "fleet";
  const before = state.selected;
  state.selected = id ? decodeURIComponent(id) : null;
  document.title = state.selected ? `${state.selected} · Berth` : `${VIEWS[state.view]} · Berth`;
  if (state.selected && state.selected !== before) toDrawer = true;
  changed();
}

let toDrawer = false;

const open = (id) => (location.hash = `#/${state.view === "activity" ? "activity" : "fleet"}/${encodeURIComponent(id)}`);
const close = () => (location.hash = `#/${state.view}`);

/** To a view, before the next key is heard: whoever types fast is not lost. */
function go(view) {
  location.hash = `#/${view}`;
  route();
  drawNow();
}

function find() {
  if (state.view !== "fleet") go("fleet");
  document.getElementById("search")?.focus();
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

// Light, dark, or as the system has it.

const theme = () => localStorage.getItem("berth.theme") ?? "auto";

function applyTheme() {
  if (theme() === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme();
}

function nextTheme() {
  localStorage.setItem("berth.theme", THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
  applyTheme();
  changed();
}

function onKey(event) {
  if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  const typing = event.target.closest?.("input, textarea, select");
  if (event.key === "Escape") {
    if (typing) event.target.blur();
    else if (state.selected) close();
    return;
  }
  if (typing) return;
  const keys = {
    1: () => go("fleet"),
    2: () => go("rollouts"),
    3: () => go("activity"),
    "/": find,
    n: create,
    t: nextTheme,
    "?": () => { state.help = true; changed(); },
  };
  const does = keys[event.key];
  if (!does) return;
  event.preventDefault();
  does();
}

onChange(() => {
  render(page(), root);
  openDialogs();
  followTenant();
  followActivity();
  if (toDrawer && document.getElementById("drawer-title")) {
    toDrawer = false;
    document.getElementById("drawer-title").focus({ preventScroll: true });
  }
});

applyTheme();
addEventListener("hashchange", route);
addEventListener("resize", changed);
addEventListener("keydown", onKey);
route();
try {
  await configure();
  await begin();
} catch (problem) {
  state.link = "lost";
  state.problem = problem;
  changed();
}
