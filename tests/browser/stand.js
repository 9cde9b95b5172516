// A `berth up` of a test's own, and a browser that looks at it.

import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The command, as `cargo build --workspace --bins --tests` has built it. */
const BERTH = process.env.BERTH ?? here("../../target/debug/berth");

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--font-render-hinting=none"];

// A page that was not read from an address has no right to ask one of this machine.
if (process.env.PAGE_FROM_DISK) FLAGS.push("--disable-features=LocalNetworkAccessChecks");

const TYPES = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml", json: "application/json" };

const AXE = readFileSync(here("node_modules/axe-core/axe.min.js"), "utf8");

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A whole system on this machine, whose clock stands still unless somebody moves it. */
export async function up(...more) {
  const [port, aws] = [await freePort(), await freePort()];
  const child = spawn(BERTH, ["up", "--port", port, "--aws-port", aws, "--speed", "0", ...more].map(String), { stdio: ["ignore", "ignore", "inherit"] });
  // Whatever becomes of the test, nothing of it stays.
  const end = () => child.kill();
  process.once("exit", end);
  const api = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries += 1) {
    if (child.exitCode !== null || tries > 300) throw new Error("berth up does not answer");
    if (await fetch(`${api}/_local/clock`).then(() => true, () => false)) break;
    await pause(100);
  }
  const call = async (method, path, body) => {
    const response = await fetch(api + path, { method, body: body && JSON.stringify(body) });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : null };
  };
  const advance = (seconds) => call("POST", "/_local/clock", { advance_seconds: seconds });
  const until = async (what, wanted, step = 5) => {
    for (let tries = 0; tries < 400; tries += 1) {
      if (await wanted()) return;
      await advance(step);
    }
    throw new Error(`it does not come to: ${what}`);
  };
  return {
    api,
    call,
    advance,
    until,
    /** A tenant that runs. */
    async running(id, overlay = {}) {
      await call("PUT", `/tenants/${id}`, overlay);
      await until(`${id} runs`, async () => (await call("GET", `/tenants/${id}`)).body?.phase === "running");
    },
    down: () => new Promise((resolve) => {
      process.off("exit", end);
      child.once("exit", resolve);
      end();
    }),
  };
}

/** A browser; one for all tests of a file. */
export const browser = () => chromium.launch({ executablePath: CHROMIUM, args: FLAGS });

/** A page that must have nothing to complain about. */
export async function open(browser, url, { width = 1280, height = 860, scheme = "light", still = true, api = url } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: still ? "reduce" : "no-preference", deviceScaleFactor: 1 });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(`${message.type()}: ${message.text()} ${message.location().url}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  if (process.env.PAGE_FROM_DISK) await fromDisk(page, new URL(url).origin);
  const known = [url, api].map((address) => new URL(address).origin);
  page.on("request", (request) => !known.includes(new URL(request.url()).origin) && complaints.push(`a request to ${request.url()}`));
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}

/** Serves the page's files as they are on disk, so that they can be worked on without building `berth` again. */
const fromDisk = (page, origin) => page.route((url) => url.origin === origin && /^\/(assets\/.*)?$/.test(url.pathname), async (route) => {
  const { pathname } = new URL(route.request().url());
  const file = pathname === "/" ? "/index.html" : pathname;
  await route.fulfill({ contentType: TYPES[file.split(".").pop()], body: await readFile(here(`../../local/web${file}`)) });
});

/** Lets time pass by the page's own button, and waits until all of it has passed. */
export async function passes(page, words) {
  const button = page.getByRole("button", { name: `+${words}` });
  await button.click();
  await button.and(page.locator(":not([aria-busy]):enabled")).waitFor();
}

/** What axe finds fault with. */
export async function faults(page) {
  // By the debugger, not by a script element: the page's own policy would forbid that, and is to stay in force.
  await page.evaluate(`${AXE}; undefined`);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(" | ")}`);
}

/** Whether something sticks out at the side. */
export const sticksOut = (page) => page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The page as `berth page` writes it, on a web server of its own. */
export async function site(...options) {
  const directory = await mkdtemp(join(tmpdir(), "berth-page-"));
  await promisify(execFile)(BERTH, ["page", directory, ...options]);
  const server = await listening(async ({ url }, response) => {
    const path = new URL(url, "http://here").pathname;
    const file = path === "/" ? "/index.html" : path;
    try {
      const text = await readFile(join(directory, file));
      response.writeHead(200, { "content-type": TYPES[file.split(".").pop()] ?? "text/plain" }).end(text);
    } catch {
      response.writeHead(404).end();
    }
  });
  return { ...server, down: async () => {
    await server.down();
    await rm(directory, { recursive: true });
  } };
}

/** What API Gateway does in front of an API with CORS and, if a token is wanted, an authorizer. */
export const gateway = (answer, token) => listening(async (request, response) => {
  const allow = { "access-control-allow-origin": request.headers.origin ?? "*", "access-control-expose-headers": "etag,date" };
  if (request.method === "OPTIONS") {
    return response.writeHead(204, { ...allow, "access-control-allow-methods": "*", "access-control-allow-headers": "authorization,content-type,if-match" }).end();
  }
  if (token && request.headers.authorization !== `Bearer ${token}`) {
    return response.writeHead(401, { ...allow, "content-type": "application/json" }).end('{"message":"Unauthorized"}');
  }
  const { status, body } = await answer(request.method, request.url);
  return response.writeHead(status, { ...allow, "content-type": "application/json" }).end(JSON.stringify(body));
});

async function listening(handle) {
  const server = createHttpServer(handle).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    down: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    }),
  };
}
