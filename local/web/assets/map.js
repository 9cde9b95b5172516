// The fleet as one picture: a tile for each tenant, on a canvas, so that ten thousand are as quick as ten.
//
// <fleet-map> is told what to show by its property `picture`; it answers with `pick` when somebody chooses a tile. With the
// keyboard, arrows move from tile to tile and Enter chooses; what is under the cursor is said in words.

import { PHASE_WORDS, isBehind, isMoving } from "./words.js";

/** Sides of a tile in pixels: no smaller can be told apart, no larger says more. */
const SMALLEST = 5;
const LARGEST = 30;

/** How long a tile that has changed is lit. */
const FLASH = 900;

const TONES = ["running", "starting", "provisioning", "stopping", "stopped", "failed", "deleting"];

export class FleetMap extends HTMLElement {
  #canvas = document.createElement("canvas");
  #tip = document.createElement("div");
  #said = document.createElement("div");
  #context = this.#canvas.getContext("2d");
  #picture = { tenants: [], matches: () => true, flashes: new Map(), colour: "phase", selected: null, releases: {}, describe: () => "" };
  #grid = { columns: 1, side: LARGEST, gap: 3, rows: 1 };
  #colours = {};
  #hover = -1;
  #cursor = -1;
  #frame = 0;
  #still = matchMedia("(prefers-reduced-motion: reduce)");

  connectedCallback() {
    if (!this.#canvas.isConnected) {
      this.#canvas.tabIndex = 0;
      this.#canvas.setAttribute("role", "application");
      this.#canvas.setAttribute("aria-roledescription", "map of the fleet");
      this.#tip.className = "tip";
      this.#tip.hidden = true;
      this.#said.className = "unseen";
      this.#said.setAttribute("aria-live", "polite");
      this.append(this.#canvas, this.#tip, this.#said);
    }
    this.#canvas.addEventListener("pointermove", (event) => this.#point(this.#at(event), event));
    this.#canvas.addEventListener("pointerleave", () => this.#point(-1));
    this.#canvas.addEventListener("click", (event) => this.#pick(this.#at(event)));
    this.#canvas.addEventListener("keydown", (event) => this.#key(event));
    this.#canvas.addEventListener("blur", () => this.#move(-1));
    this.watch = new ResizeObserver(() => this.#arrange());
    this.watch.observe(this);
    this.themes = new MutationObserver(() => this.#restyle());
    this.themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.restyle = () => this.#restyle();
    this.dark.addEventListener("change", this.restyle);
    this.#restyle();
  }

  disconnectedCallback() {
    this.watch.disconnect();
    this.themes.disconnect();
    this.dark.removeEventListener("change", this.restyle);
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  set picture(picture) {
    const resized = picture.tenants.length !== this.#picture.tenants.length;
    this.#picture = picture;
    this.#canvas.setAttribute("aria-label", `${picture.summary} Arrow keys move from tenant to tenant, Enter opens one.`);
    if (resized) this.#arrange();
    else this.#draw();
  }

  /** Where a tenant's tile is, from the canvas's top left. */
  locate(id) {
    const index = this.#picture.tenants.findIndex((tenant) => tenant.id === id);
    const [x, y] = this.#corner(index);
    return index < 0 ? null : { x: x + this.#grid.side / 2, y: y + this.#grid.side / 2 };
  }

  /** The largest tiles that all fit; if not even the smallest do, the canvas grows downwards. */
  #arrange() {
    const number = this.#picture.tenants.length;
    const width = this.clientWidth;
    const height = this.clientHeight;
    if (!width || !number) return;
    const of = (side) => {
      const gap = side > 16 ? 4 : side > 9 ? 2 : 1;
      const columns = Math.max(1, Math.floor((width + gap) / (side + gap)));
      return { side, gap, columns, rows: Math.ceil(number / columns) };
    };
    const fits = ({ side, gap, rows }) => rows * (side + gap) - gap <= height;
    let side = LARGEST;
    while (side > SMALLEST && !fits(of(side))) side -= 1;
    this.#grid = of(side);
    const { gap, rows } = this.#grid;
    const tall = Math.max(1, rows * (side + gap) - gap);
    const scale = devicePixelRatio;
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(tall * scale);
    this.#canvas.style.height = `${tall}px`;
    this.#context.setTransform(scale, 0, 0, scale, 0, 0);
    this.#draw();
  }

  /** Colours are the style sheet's; a canvas has to be told when they change. */
  #restyle() {
    const style = getComputedStyle(this);
    const read = (name) => style.getPropertyValue(`--${name}`).trim();
    for (const name of [...TONES, "ink", "accent", "card", "newer", "older"]) this.#colours[name] = read(name);
    this.#draw();
  }

  #draw() {
    if (!this.#frame) this.#frame = requestAnimationFrame((time) => this.#paint(time));
  }

  #paint(time) {
    this.#frame = 0;
    const context = this.#context;
    const { tenants, matches, flashes } = this.#picture;
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    const breath = this.#still.matches ? 1 : 0.72 + 0.28 * Math.sin(time / 380);
    let alive = false;
    for (let index = 0; index < tenants.length; index += 1) {
      const tenant = tenants[index];
      const [x, y] = this.#corner(index);
      const moving = isMoving(tenant.phase);
      context.globalAlpha = (matches(tenant) ? 1 : 0.13) * (moving ? breath : 1);
      this.#tile(x, y, tenant);
      const lit = flashes.get(tenant.id);
      if (lit !== undefined) {
        const age = (performance.now() - lit) / FLASH;
        if (age >= 1) flashes.delete(tenant.id);
        else if (!this.#still.matches) this.#light(x, y, 1 - age);
        alive = true;
      }
      alive ||= moving && !this.#still.matches;
    }
    context.globalAlpha = 1;
    this.#ring(tenants.findIndex((tenant) => tenant.id === this.#picture.selected), this.#colours.accent, 2.5);
    this.#ring(this.#hover, this.#colours.ink, 1.5);
    this.#ring(this.#cursor, this.#colours.ink, 2.5);
    // Twenty pictures a second breathe as well as sixty.
    if (alive) setTimeout(() => this.isConnected && this.#draw(), 50);
  }

  #tile(x, y, tenant) {
    const context = this.#context;
    const { side } = this.#grid;
    context.fillStyle = this.#fill(tenant);
    if (side < 9) context.fillRect(x, y, side, side);
    else {
      context.beginPath();
      context.roundRect(x, y, side, side, Math.min(5, side / 4));
      context.fill();
    }
    if (tenant.phase === "failed" && side >= 9) this.#cross(x, y);
    else if (this.#picture.colour === "phase" && tenant.phase !== "stopped" && isBehind(tenant)) this.#notch(x, y, tenant);
  }

  /** In the phases' colours, or in the releases': the fleet's, newer and older ones; fainter for those that do not run. */
  #fill(tenant) {
    if (this.#picture.colour === "phase" || !tenant.release.applied) return this.#colours[tenant.phase] ?? this.#colours.stopped;
    if (tenant.phase !== "running") this.#context.globalAlpha *= 0.35;
    if (!isBehind(tenant)) return this.#colours.running;
    return this.#isNewer(tenant) ? this.#colours.newer : this.#colours.older;
  }

  #isNewer({ release }) {
    return Number(release.applied.slice(1)) > Number((release.promoted ?? "r0").slice(1));
  }

  /** A corner for those that run another release than the fleet's: bright if newer, dark if older. */
  #notch(x, y, tenant) {
    const context = this.#context;
    const { side } = this.#grid;
    context.fillStyle = this.#isNewer(tenant) ? this.#colours.newer : this.#colours.older;
    if (side < 9) {
      // Half of so small a corner would not be seen.
      context.fillRect(x + side - 4, y, 4, 4);
      return;
    }
    const cut = side * 0.45;
    context.beginPath();
    context.moveTo(x + side - cut, y);
    context.lineTo(x + side, y);
    context.lineTo(x + side, y + cut);
    context.fill();
  }

  /** What has failed is told by a shape as well as by a colour. */
  #cross(x, y) {
    const context = this.#context;
    const { side } = this.#grid;
    const inset = side * 0.3;
    context.strokeStyle = this.#colours.card;
    context.lineWidth = Math.max(1.2, side / 11);
    context.beginPath();
    context.moveTo(x + inset, y + inset);
    context.lineTo(x + side - inset, y + side - inset);
    context.moveTo(x + side - inset, y + inset);
    context.lineTo(x + inset, y + side - inset);
    context.stroke();
  }

  #light(x, y, strength) {
    const context = this.#context;
    const { side, gap } = this.#grid;
    context.globalAlpha = strength * 0.9;
    context.strokeStyle = this.#colours.accent;
    context.lineWidth = Math.max(1, gap * 0.8);
    context.strokeRect(x - gap / 2, y - gap / 2, side + gap, side + gap);
  }

  #ring(index, colour, width) {
    if (index < 0 || index >= this.#picture.tenants.length) return;
    const [x, y] = this.#corner(index);
    const { side } = this.#grid;
    const context = this.#context;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.roundRect(x - 1, y - 1, side + 2, side + 2, Math.min(6, side / 4));
    context.stroke();
  }

  #corner(index) {
    const { columns, side, gap } = this.#grid;
    return [(index % columns) * (side + gap), Math.floor(index / columns) * (side + gap)];
  }

  #at({ offsetX, offsetY }) {
    const { columns, side, gap } = this.#grid;
    const column = Math.floor(offsetX / (side + gap));
    const index = Math.floor(offsetY / (side + gap)) * columns + column;
    return column < columns && index >= 0 && index < this.#picture.tenants.length ? index : -1;
  }

  #point(index, event) {
    if (index !== this.#hover) {
      this.#hover = index;
      this.#draw();
    }
    this.#tip.hidden = index < 0;
    this.#canvas.style.cursor = index < 0 ? "default" : "pointer";
    if (index < 0) return;
    const tenant = this.#picture.tenants[index];
    this.#tip.replaceChildren(Object.assign(document.createElement("b"), { textContent: tenant.id }), ` ${this.#picture.describe(tenant)}`);
    const room = this.clientWidth - this.#tip.offsetWidth - 4;
    this.#tip.style.left = `${Math.max(0, Math.min(event.offsetX + 14, room))}px`;
    this.#tip.style.top = `${event.offsetY + 20}px`;
  }

  #pick(index) {
    const tenant = this.#picture.tenants[index];
    if (tenant) this.dispatchEvent(new CustomEvent("pick", { detail: tenant.id }));
  }

  #key(event) {
    const { columns } = this.#grid;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
    const last = this.#picture.tenants.length - 1;
    if (event.key in steps) this.#move(this.#cursor < 0 ? 0 : Math.min(last, Math.max(0, this.#cursor + steps[event.key])));
    else if (event.key === "Home") this.#move(0);
    else if (event.key === "End") this.#move(last);
    else if (event.key === "Enter" || event.key === " ") this.#pick(this.#cursor);
    else return;
    event.preventDefault();
  }

  #move(index) {
    this.#cursor = index;
    const tenant = this.#picture.tenants[index];
    if (tenant) this.#said.textContent = `${tenant.id}, ${PHASE_WORDS[tenant.phase] ?? tenant.phase}, ${this.#picture.describe(tenant)}`;
    this.#draw();
  }
}

customElements.define("fleet-map", FleetMap);
