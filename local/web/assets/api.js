// The API: one request after the other, and what it says when it does not do what it was asked to.

/** Where the API is, and whether this is a world of one's own: `config.json` beside the page. */
export const config = { api: "", local: false, everySeconds: 15 };

export async function configure() {
  const response = await fetch("config.json", { cache: "no-store" });
  if (!response.ok) throw new Problem(response.status, "no_config", "config.json is not beside the page");
  Object.assign(config, await response.json());
  config.api = config.api.replace(/\/$/, "");
}

/** What the API, or the way to it, has against a request. */
export class Problem extends Error {
  constructor(status, code, detail, errors = []) {
    const mistakes = errors.map(({ pointer, message }) => (pointer ? `${pointer.slice(1).replaceAll("/", ".")}: ` : "") + message);
    super(mistakes.length ? mistakes.join("; ") : detail);
    Object.assign(this, { status, code, errors });
  }
}

// A token is kept for this tab alone, and as long as it is open.
const TOKEN = "berth.token";
export const hasToken = () => sessionStorage.getItem(TOKEN) !== null;
export const setToken = (token) => (token ? sessionStorage.setItem(TOKEN, token) : sessionStorage.removeItem(TOKEN));

/** On one machine whoever sees the page may do everything, so it gets itself the token that is asked for. */
export async function ownToken() {
  const response = await fetch("/_local/token", { method: "POST", body: "{}" });
  setToken((await response.json()).token);
}

function headersOf(more) {
  const token = sessionStorage.getItem(TOKEN);
  return { ...(token ? { authorization: `Bearer ${token}` } : {}), ...more };
}

/** One request; what comes back is `{ status, body, etag, at }`. */
export async function call(method, path, body, more = {}) {
  const headers = headersOf({ ...(body === undefined ? {} : { "content-type": "application/json" }), ...more });
  let response;
  try {
    response = await fetch(config.api + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    });
  } catch {
    throw new Problem(0, "unreachable", `Nothing answers at ${config.api || location.origin}`);
  }
  const text = await response.text();
  let told = null;
  try {
    told = text ? JSON.parse(text) : null;
  } catch {
    throw new Problem(response.status, "strange", `The answer of ${path} is not JSON`);
  }
  if (!response.ok) {
    const detail = told?.detail ?? told?.error ?? told?.message ?? `The API answered ${response.status}`;
    throw new Problem(response.status, told?.code ?? "", detail, told?.errors);
  }
  const date = Date.parse(response.headers.get("date") ?? "");
  return { status: response.status, body: told, etag: response.headers.get("etag"), at: Number.isNaN(date) ? null : date };
}

export const get = (path) => call("GET", path);
export const post = (path, body) => call("POST", path, body);

/** Reads a stream of events until it ends: `opened()` as soon as none is missed any more, `on(name, data)` for each. */
export async function stream(path, opened, on) {
  let response;
  try {
    response = await fetch(config.api + path, { headers: headersOf({ accept: "text/event-stream" }), cache: "no-store" });
  } catch {
    throw new Problem(0, "unreachable", `Nothing answers at ${config.api || location.origin}`);
  }
  if (!response.ok) throw new Problem(response.status, "no_stream", `The stream answered ${response.status}`);
  opened();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const field = (name) => part.split("\n").filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2)).join("\n");
      if (field("data")) on(field("event") || "message", JSON.parse(field("data")));
    }
  }
}
