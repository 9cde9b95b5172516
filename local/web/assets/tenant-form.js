// Making a tenant, and changing what is its own.

import { html, nothing } from "./vendor/lit-html.js";
import { call } from "./api.js";
import { apply, changed, state } from "./store.js";
import { toast } from "./ui.js";

/** Sizes that Fargate has, smallest first; the API knows the others too. */
const SIZES = [[256, 512], [256, 1024], [512, 1024], [512, 2048], [1024, 2048], [1024, 4096], [2048, 4096], [2048, 8192], [4096, 8192], [4096, 16384]];

/** What is asked for: nothing, a new tenant, or a change of one. */
let form = null;

export function create() {
  form = { id: "", values: { image: "", size: "", env: "", secrets: "" }, version: null, problem: null };
  changed();
}

export function change(tenant) {
  const { overlay } = tenant;
  const lines = (pairs) => Object.entries(pairs ?? {}).map(([name, value]) => `${name}=${value}`).join("\n");
  const { size, image } = overlay;
  form = {
    id: tenant.id,
    values: { image: image ?? "", size: size ? `${size.cpu}/${size.memory}` : "", env: lines(overlay.env), secrets: lines(overlay.secrets) },
    version: tenant.overlayVersion,
    overlay,
    problem: null,
  };
  changed();
}

function close() {
  form = null;
  changed();
}

export function formView() {
  if (!form) return nothing;
  const isNew = form.version === null;
  const { values } = form;
  const known = SIZES.map(([cpu, memory]) => `${cpu}/${memory}`);
  const sizes = values.size && !known.includes(values.size) ? [values.size, ...known] : known;
  const words = (size) => size.split("/").map((number) => Number((number / 1024).toFixed(2))).join(" vCPU, ");
  return html`<dialog class="form" aria-labelledby="form-title" @cancel=${close}>
    <form @submit=${save}>
      <h2 id="form-title">${isNew ? "A new tenant" : `What is ${form.id}'s own`}</h2>
      <p class="quiet">What is left empty is the base's, now and after every deploy.</p>
      ${isNew ? html`<label>Id <input name="id" required maxlength="64" pattern="[A-Za-z0-9_\\-]+" autocomplete="off" autofocus placeholder="acme" /></label>` : nothing}
      <label>Image <input name="image" autocomplete="off" .value=${values.image} placeholder="the base's" /></label>
      <label>Size <select name="size">
        <option value="">the base's</option>
        ${sizes.map((size) => html`<option value=${size} ?selected=${size === values.size}>${words(size)} GB</option>`)}
      </select></label>
      <label>Variables <textarea name="env" rows="3" spellcheck="false" placeholder="NAME=value, one a line" .value=${values.env}></textarea></label>
      <label>Secrets <textarea name="secrets" rows="2" spellcheck="false" placeholder="NAME=arn:aws:secretsmanager:…, one a line" .value=${values.secrets}></textarea></label>
      ${form.problem ? html`<p class="alert" role="alert">${form.problem}</p>` : nothing}
      <div class="row end">
        <button type="button" @click=${close}>Cancel</button>
        <button type="submit" class="primary">${isNew ? "Create" : "Change"}</button>
      </div>
    </form>
  </dialog>`;
}

/** Lines of `NAME=value`. */
function pairs(text) {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(lines.map((line) => {
    const at = line.indexOf("=");
    if (at < 1) throw new Error(`"${line}" is not NAME=value`);
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  }));
}

/** The whole overlay: what the form does not show stays as it is. */
function overlayOf(said) {
  const overlay = { ...form.overlay };
  const put = (name, value) => {
    if (value) overlay[name] = value;
    else delete overlay[name];
  };
  const some = (map) => (Object.keys(map).length ? map : null);
  const [cpu, memory] = said.size.split("/").map(Number);
  put("image", said.image.trim());
  put("size", said.size ? { cpu, memory } : null);
  put("env", some(pairs(said.env)));
  put("secrets", some(pairs(said.secrets)));
  return overlay;
}

async function save(event) {
  event.preventDefault();
  const said = Object.fromEntries(new FormData(event.target));
  const id = form.id || said.id.trim();
  form.values = said;
  try {
    if (form.version === null && state.tenants.has(id)) throw new Error(`There is a tenant ${id} already.`);
    const match = form.version === null ? {} : { "if-match": `"${form.version}"` };
    const { body } = await call("PUT", `/tenants/${id}`, overlayOf(said), match);
    apply([body], false);
    toast(form.version === null ? `${id} is on its way` : `${id} changes`);
    close();
    location.hash = `#/fleet/${id}`;
  } catch (problem) {
    form.problem = problem.message;
    changed();
  }
}
