// Deploys, good and bad, watched; and what an operator can do meanwhile.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, open, passes, up } from "./stand.js";

let world;
let chrome;

before(async () => {
  [world, chrome] = await Promise.all([up("--parameter", 'RolloutPolicy={"bakeSeconds":120,"maxInFlightPercent":50}'), browser()]);
  for (let number = 1; number <= 6; number += 1) await world.running(`tenant-${number}`);
  await world.advance(600);
});

after(() => Promise.all([world?.down(), chrome?.close()]));

async function deploys(page, name, said) {
  await page.getByRole("button", { name, exact: true }).click();
  await page.getByText(said).waitFor();
}

/** A minute at a time, until the page shows it; how soon it has read what a minute brought is up to the machine. */
async function until(page, text) {
  const isShown = (within) => page.getByText(text).first().waitFor({ timeout: within }).then(() => true, () => false);
  for (let minutes = 0; minutes < 20; minutes += 1) {
    if (await isShown(minutes ? 1000 : 100)) return;
    await passes(page, "1 min");
  }
  assert.fail(`${text} is not shown`);
}

test("a deploy that fails its canary is seen to be rejected", async () => {
  const { page, complaints, close } = await open(chrome, world.api);
  await page.getByRole("button", { name: /^\d\d:\d\d:\d\d/ }).click();
  await deploys(page, "Never starts", "A base is deployed that never starts");
  await page.goto(`${world.api}/#/rollouts`);
  await until(page, /^Rejected/);
  await page.getByRole("cell", { name: "deployment" }).or(page.getByRole("cell", { name: "other" })).first().waitFor();
  await until(page, "The fleet is on r1.");
  await page.locator(".releases [data-is=rejected]").waitFor();
  assert.deepEqual(complaints, []);
  await close();
});

test("a deploy is watched through its waves, paused and resumed", async () => {
  const { page, complaints, close } = await open(chrome, world.api);
  await page.getByRole("button", { name: /^\d\d:\d\d:\d\d/ }).click();
  await deploys(page, "Good", "A good base is deployed");
  await page.getByRole("link", { name: "Rollouts" }).click();
  await until(page, "The fleet moves to r3.");
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused").first().waitFor();
  await page.getByRole("button", { name: "Resume", exact: true }).click();
  await page.getByRole("button", { name: "Pause" }).waitFor();
  await page.getByRole("link", { name: "Fleet", exact: true }).click();
  await page.locator("a.banner").waitFor();
  await page.getByRole("link", { name: "Rollouts" }).click();
  await until(page, "The fleet is on r3.");
  await until(page, "Completed");
  const running = await page.evaluate(() => document.querySelector(".tally").textContent);
  assert.match(running, /6\s+run it/);
  assert.deepEqual(complaints, []);
  await close();
});

test("a plan says who would move, and changes nothing", async () => {
  const { page, complaints, close } = await open(chrome, `${world.api}/#/rollouts`);
  await world.advance(600);
  const before = (await world.call("GET", "/releases")).body;
  // Everyone is where the newest base is: it would move nobody.
  await page.getByRole("button", { name: "Show what it would do" }).click();
  await page.getByText("Nobody would be moved now.").waitFor();
  await page.getByText("6 there already").waitFor();
  await page.getByRole("combobox", { name: /^To/ }).selectOption("r1");
  await page.getByLabel("Canaries").fill("2");
  await page.getByRole("button", { name: "Show what it would do" }).click();
  await page.getByText(/tenants in about/).waitFor();
  await page.getByText("wave 1").first().waitFor();
  assert.deepEqual((await world.call("GET", "/releases")).body, before);
  assert.deepEqual(complaints, []);
  await close();
});

test("what happens while the page is being opened is not missed", async () => {
  const { page, complaints, close } = await open(chrome, world.api);
  let isSlow = true;
  await page.route("**/_local/stream", async (route) => {
    while (isSlow) await page.waitForTimeout(50);
    await route.continue();
  });
  await page.reload();
  // By then a page that reads first and listens afterwards has read.
  await page.waitForTimeout(1000);
  await world.call("POST", "/tenants/tenant-2/sleep");
  await world.advance(120);
  isSlow = false;
  await page.getByRole("heading", { name: "5 running, 1 asleep." }).waitFor();
  await world.call("POST", "/tenants/tenant-2/wake");
  await world.advance(120);
  await page.getByRole("heading", { name: "6 running, 0 asleep." }).waitFor();
  assert.deepEqual(complaints, []);
  await close();
});

test("trouble is made and shows: lost events, throttling, a retired host", async () => {
  const { page, complaints, close } = await open(chrome, world.api);
  await page.getByRole("button", { name: /^\d\d:\d\d:\d\d/ }).click();
  await page.getByRole("button", { name: "Lose events" }).click();
  await page.getByRole("button", { name: "Half of all events are lost" }).waitFor();
  await page.getByRole("button", { name: "Half of all events are lost" }).click();
  await page.getByRole("button", { name: "Lose events" }).waitFor();
  await page.getByRole("button", { name: "Throttle ECS" }).click();
  await page.getByText("refuses the next 25").waitFor();
  await world.call("POST", "/tenants/tenant-1/sleep");
  await world.advance(5);
  const { body: throttled } = await world.call("GET", "/tenants/tenant-1");
  assert.equal(throttled.phase, "stopping", "ECS has refused so far");
  await world.advance(600);
  await page.getByRole("heading", { name: "5 running, 1 asleep." }).waitFor();
  await page.getByRole("button", { name: "Retire a host" }).click();
  const retired = await page.getByText(/The host of tenant-\d is retired/).textContent();
  const [tenant] = retired.match(/tenant-\d/);
  await page.getByRole("link", { name: "Activity" }).click();
  await until(page, "has a fresh task");
  await page.locator(".events li").filter({ hasText: "has a fresh task" }).getByRole("button", { name: tenant }).waitFor();
  await page.getByLabel("events of AWS too").check();
  await page.getByText(/task STOPPED/).first().waitFor();
  assert.deepEqual(complaints, []);
  await close();
});
