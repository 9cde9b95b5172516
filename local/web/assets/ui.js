// Small things that several views use.

import { html, nothing, svg } from "./vendor/lit-html.js";
import { changed, state } from "./store.js";
import { PHASE_WORDS } from "./words.js";

/** A dot in the colour of a phase, and the phase in words. */
export const pill = (phase) => html`<span class="pill" data-phase=${phase}>${PHASE_WORDS[phase] ?? phase}</span>`;

/** Names with their values; those without a value are left out. */
export const facts = (entries) => html`<dl class="facts">
  ${entries.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
</dl>`;

/** A bar of parts: `[number, tone, words]`. */
export function bar(parts, label) {
  const total = parts.reduce((sum, [number]) => sum + number, 0);
  let x = 0;
  const pieces = parts.filter(([number]) => number > 0).map(([number, tone, words]) => {
    // Whoever is there is seen, however few they are.
    const width = Math.max((number / total) * 1000, 6);
    const piece = svg`<rect x=${x} y="0" width=${width} height="10" data-tone=${tone}><title>${words}</title></rect>`;
    x += width;
    return piece;
  });
  return html`<svg class="bar" viewBox="0 0 ${Math.max(1000, x)} 10" preserveAspectRatio="none" role="img" aria-label=${label}>
    <rect width=${Math.max(1000, x)} height="10" data-tone="empty"></rect>${pieces}
  </svg>`;
}

/** Says that something was done, or what is against it; at the bottom, for a while. */
export function toast(text, tone = "good") {
  state.toast = { text, tone, id: Symbol(text) };
  const { id } = state.toast;
  setTimeout(() => {
    if (state.toast?.id === id) state.toast = null;
    changed();
  }, tone === "bad" ? 9000 : 3500);
  changed();
}

/** Does something that somebody asked for, and says so; a button is busy meanwhile. */
export const act = (work, done) => async (event) => {
  const button = event.currentTarget;
  button?.setAttribute("aria-busy", "true");
  try {
    const told = await work(event);
    if (done) toast(typeof done === "function" ? done(told) : done);
  } catch (problem) {
    toast(problem.message, "bad");
  } finally {
    button?.removeAttribute("aria-busy");
    changed();
  }
};

/** A question before what cannot be undone. */
export const sure = (question, work, done) => act(async (event) => {
  if (!(await ask(question))) return null;
  return work(event);
}, (told) => (told === null ? "Nothing was done" : typeof done === "function" ? done(told) : done));

let answer = () => {};

export function ask(question) {
  state.question = question;
  changed();
  return new Promise((resolve) => {
    answer = (yes) => {
      state.question = null;
      changed();
      resolve(yes);
    };
  });
}

export const questionView = () => state.question ? html`
  <dialog class="ask" aria-labelledby="ask-title" @cancel=${() => answer(false)}>
    <h2 id="ask-title">${state.question.title}</h2>
    <p>${state.question.text}</p>
    <div class="row end">
      <button @click=${() => answer(false)}>Leave it</button>
      <button class="danger" @click=${() => answer(true)}>${state.question.yes}</button>
    </div>
  </dialog>` : nothing;

/** Opens dialogs that have just been drawn: a dialog is modal only when it is told to be. */
export function openDialogs() {
  for (const dialog of document.querySelectorAll("dialog:not([open])")) dialog.showModal();
}
