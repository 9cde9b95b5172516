// The page as static files in front of an API somewhere else.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, gateway, open, site, up } from "./stand.js";

const TOKEN = "not.a.secret";

let world;
let chrome;

before(async () => {
  [world, chrome] = await Promise.all([up(), browser()]);
  await world.running("acme");
});

after(() => Promise.all([world?.down(), chrome?.close()]));

test("a token is asked for, kept in the tab, and shown to the API alone", async () => {
  const api = await gateway((method, url) => world.call(method, url), TOKEN);
  const pages = await site("--api", api.url, "--every", "2");
  const { page, complaints, close } = await open(chrome, pages.url, { api: api.url });
  const field = page.getByLabel("Token");
  await field.fill("wrong");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText("The token was refused.").waitFor();
  await field.fill(TOKEN);
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("button", { name: /^acme/ }).waitFor();
  assert.equal(await page.getByText("Play the world").count(), 0);
  // What has changed comes by asking now and then.
  await world.call("POST", "/tenants/acme/sleep");
  await world.advance(120);
  await page.getByRole("heading", { name: "0 running, 1 asleep." }).waitFor();
  // The browser itself reports each refusal.
  assert.deepEqual(complaints.filter((text) => !text.includes("401")), []);
  assert.equal(await page.evaluate(() => localStorage.getItem("berth.token")), null);
  await close();
  await Promise.all([pages.down(), api.down()]);
});

test("an API that is gone is said to be gone, and found again", async () => {
  let there = true;
  const api = await gateway((method, url) => (there ? world.call(method, url) : { status: 503, body: { code: "unavailable", detail: "try again" } }));
  const pages = await site("--api", api.url, "--every", "2");
  const { page, close } = await open(chrome, pages.url, { api: api.url });
  await page.getByRole("button", { name: /^acme/ }).waitFor();
  there = false;
  await page.getByRole("alert").getByText("try again").waitFor();
  there = true;
  await page.getByRole("alert").waitFor({ state: "detached" });
  await close();
  await Promise.all([pages.down(), api.down()]);
});
