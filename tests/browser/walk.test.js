// One tenant's life as README.md tells it, by clicking.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, open, passes, up } from "./stand.js";

let world;
let chrome;

before(async () => {
  [world, chrome] = await Promise.all([up("--parameter", 'RolloutPolicy={"bakeSeconds":120}'), browser()]);
});

after(() => Promise.all([world?.down(), chrome?.close()]));

test("a tenant is made, used, moved to a new base, put to sleep, woken and deleted", async () => {
  const { page, complaints, close } = await open(chrome, world.api);
  const drawer = page.getByRole("complementary", { name: "acme" });
  const phase = (name) => drawer.locator(".pill").getByText(name, { exact: true }).waitFor();
  const pass = async (words, times = 1) => {
    for (let time = 0; time < times; time += 1) await passes(page, words);
  };

  // A container of its own.
  await page.getByRole("heading", { name: "Nobody is here yet." }).waitFor();
  await page.getByRole("button", { name: "Create the first" }).click();
  const form = page.getByRole("dialog", { name: "A new tenant" });
  await form.getByLabel("Id").fill("acme");
  await form.getByLabel("Image").fill("public.ecr.aws/acme/agent:7");
  await form.getByLabel("Size").selectOption({ label: "0.5 vCPU, 2 GB" });
  await form.getByLabel("Variables").fill("GREETING=hello");
  await form.getByLabel("Secrets").fill("API_KEY=arn:aws:secretsmanager:us-east-1:123456789012:secret:acme-AbCdEf");
  await form.getByRole("button", { name: "Create" }).click();
  await drawer.waitFor();
  await pass("1 min");
  await phase("running");
  await drawer.getByText("10.0.").waitFor();
  await drawer.getByText("public.ecr.aws/acme/agent:7").waitFor();

  // It is used.
  await drawer.getByRole("button", { name: "Heartbeat" }).click();
  await page.getByText("Heard").waitFor();

  // A new base is deployed, and it follows, with what is its own.
  await page.getByRole("button", { name: /^\d\d:\d\d:\d\d/ }).click();
  await pass("10 min");
  await page.getByRole("button", { name: "Good" }).click();
  await page.getByText("A good base is deployed").waitFor();
  await pass("1 min", 6);
  await drawer.locator("dd").getByText("r2", { exact: true }).first().waitFor();
  await page.getByRole("link", { name: "Rollouts" }).click();
  await page.getByRole("heading", { name: "The fleet is on r2." }).waitFor();
  await page.getByText("Completed").waitFor();

  // Nobody uses it any more.
  await page.getByRole("link", { name: "Fleet", exact: true }).click();
  await page.getByRole("button", { name: /^acme/ }).click();
  await pass("1 hour");
  await phase("asleep");
  await drawer.getByText("idle").first().waitFor();
  await drawer.getByText("Its task stopped").first().waitFor();

  // It comes back, on the newest base.
  await drawer.getByRole("button", { name: "Wake" }).click();
  await page.getByText("acme wakes").waitFor();
  await pass("1 min");
  await phase("running");

  // A change that is wrong says so, and one that is right is kept.
  await drawer.getByRole("button", { name: "Change" }).click();
  const change = page.getByRole("dialog", { name: "What is acme's own" });
  await change.getByLabel("Image").fill("not an image");
  await change.getByRole("button", { name: "Change" }).click();
  await change.getByRole("alert").waitFor();
  await change.getByLabel("Image").fill("public.ecr.aws/acme/agent:8");
  await change.getByRole("button", { name: "Change" }).click();
  await change.waitFor({ state: "detached" });
  await pass("1 min", 2);
  assert.equal((await world.call("GET", "/tenants/acme")).body.overlay.image, "public.ecr.aws/acme/agent:8");

  // It leaves.
  await drawer.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog", { name: "Delete acme?" }).getByRole("button", { name: "Delete" }).click();
  await page.getByText("acme is being deleted").waitFor();
  await pass("10 min");
  await page.getByRole("heading", { name: "Nobody is here yet." }).waitFor();
  assert.equal((await world.call("GET", "/tenants/acme")).status, 404);

  // The browser itself reports what was refused and who is gone: both are asked for here.
  const expected = new RegExp(`status of (422|404) .* ${world.api}/tenants/acme$`);
  assert.deepEqual(complaints.filter((text) => !expected.test(text)), []);
  await close();
});
