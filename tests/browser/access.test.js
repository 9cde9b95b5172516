// Whoever cannot see well, has no mouse, or has a small screen.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, faults, open, sticksOut, up } from "./stand.js";

let world;
let chrome;

before(async () => {
  [world, chrome] = await Promise.all([up(), browser()]);
  await world.running("acme", { env: { GREETING: "hello" }, size: { cpu: 512, memory: 1024 } });
  await world.running("globex");
  await world.call("POST", "/tenants/globex/sleep");
  await world.call("POST", "/_local/images", { image: "bad:1", behaviour: "never-starts" });
  await world.call("PUT", "/tenants/initech", { image: "bad:1" });
  await world.until("initech fails", async () => (await world.call("GET", "/tenants/initech")).body.phase === "failed");
});

after(() => Promise.all([world?.down(), chrome?.close()]));

const VIEWS = {
  fleet: ["#/fleet", "1 running, 1 asleep"],
  drawer: ["#/fleet/acme", "Timeline"],
  failed: ["#/fleet/initech", "Retry"],
  rollouts: ["#/rollouts", "Plan a rollout"],
  activity: ["#/activity", "What happens"],
};

for (const scheme of ["light", "dark"]) {
  for (const [name, [path, text]] of Object.entries(VIEWS)) {
    test(`axe finds no fault with the view ${name}, ${scheme}`, async () => {
      const { page, complaints, close } = await open(chrome, `${world.api}/${path}`, { scheme });
      await page.getByText(text).first().waitFor();
      await page.waitForTimeout(300);
      assert.deepEqual(await faults(page), []);
      assert.deepEqual(complaints, []);
      await close();
    });
  }
  test(`axe finds no fault with dialogs, the list and the world, ${scheme}`, async () => {
    const { page, close } = await open(chrome, world.api, { scheme });
    await page.getByRole("button", { name: "List" }).click();
    await page.getByRole("button", { name: /^\d\d:\d\d:\d\d/ }).click();
    await page.getByRole("table").waitFor();
    assert.deepEqual(await faults(page), []);
    await page.getByRole("button", { name: "New tenant" }).click();
    await page.getByRole("dialog").waitFor();
    assert.deepEqual(await faults(page), []);
    await close();
  });
}

for (const [name, [path, text]] of Object.entries(VIEWS)) {
  test(`at 360 px nothing of ${name} sticks out`, async () => {
    const { page, close } = await open(chrome, `${world.api}/${path}`, { width: 360, height: 740 });
    await page.getByText(text).first().waitFor();
    assert.equal(await sticksOut(page), false);
    await close();
  });
}

test("the keyboard alone reaches everything", async () => {
  const { page, close } = await open(chrome, world.api);
  await page.getByText("1 running, 1 asleep").waitFor();
  await page.keyboard.press("2");
  await page.getByRole("heading", { name: "The fleet is on r1." }).waitFor();
  await page.keyboard.press("3");
  await page.getByRole("heading", { name: "What happens" }).waitFor();
  // From wherever one is, and however fast.
  await page.keyboard.press("/");
  await page.keyboard.type("glo");
  await page.locator(".card[data-dim]").nth(1).waitFor();
  assert.equal(await page.locator(".card[data-dim]").count(), 2);
  assert.equal(await page.locator(".card:not([data-dim])").textContent().then((text) => text.includes("globex")), true);
  await page.keyboard.press("Escape");
  await page.keyboard.press("2");
  await page.keyboard.press("1");
  await page.locator(".card").first().waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.locator(".card").first().focus();
  await page.keyboard.press("Enter");
  await page.getByRole("complementary", { name: "acme" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "drawer-title");
  await page.keyboard.press("Escape");
  await page.getByRole("complementary").waitFor({ state: "detached" });
  await page.keyboard.press("n");
  await page.getByRole("dialog", { name: "A new tenant" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await close();
});

test("a theme that somebody chose is kept", async () => {
  const { page, close } = await open(chrome, world.api, { scheme: "light" });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.keyboard.press("t");
  await page.keyboard.press("t");
  const dark = await paper();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await paper(), dark);
  await close();
});
