// Makes the pictures of docs/screens: `npm run screens`.

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { many } from "./many.js";
import { browser, gateway, open, pause, site, up } from "./stand.js";

const INTO = fileURLToPath(new URL("../../docs/screens/", import.meta.url));

const CUSTOMERS = ["acme", "aperture", "cyberdyne", "globex", "hooli", "initech", "massive-dynamic", "oscorp", "pied-piper", "soylent", "stark", "tyrell", "umbrella", "vandelay", "wayne", "weyland", "wonka", "zorg"];

/** A small fleet in the middle of a deploy: some sleep, one has failed, one is being made. */
async function story() {
  const world = await up("--parameter", 'RolloutPolicy={"bakeSeconds":120,"maxInFlightPercent":20,"waves":[20,60,100]}');
  const sizes = [{}, { size: { cpu: 512, memory: 1024 }, env: { PLAN: "gold" } }, {}];
  for (const [index, id] of CUSTOMERS.entries()) {
    await world.call("PUT", `/tenants/${id}`, sizes[index % sizes.length]);
    await world.advance(7);
  }
  await world.advance(300);
  for (const id of ["hooli", "oscorp", "vandelay", "wonka"]) await world.call("POST", `/tenants/${id}/sleep`);
  await world.advance(240);
  const { taskDefinition } = (await world.call("GET", "/_local/base")).body;
  taskDefinition.containerDefinitions[0].image = "public.ecr.aws/berth/sample:2";
  taskDefinition.containerDefinitions[0].environment.find(({ name }) => name === "BASE_VERSION").value = "2";
  await world.call("POST", "/_local/base", { taskDefinition, stackStatus: "UPDATE_COMPLETE" });
  for (const id of CUSTOMERS) await world.call("POST", `/tenants/${id}/activity`);
  await world.until("a wave", async () => {
    const rollout = await world.call("GET", "/rollouts/ro2");
    return rollout.body?.status?.phase === "wave" && rollout.body.tally.succeeded > 2;
  }, 10);
  await world.call("POST", "/_local/images", { image: "public.ecr.aws/acme/agent:bad", behaviour: "never-starts" });
  await world.call("PUT", "/tenants/massive-dynamic", { image: "public.ecr.aws/acme/agent:bad" });
  await world.call("PUT", "/tenants/newcomer", {});
  await world.advance(6);
  return world;
}

async function shoot(chrome, url, name, { path = "#/fleet", act, ...options }) {
  const { page, close } = await open(chrome, `${url}/${path}`, options);
  await act?.(page);
  await page.mouse.move(0, 0);
  await pause(700);
  await page.screenshot({ path: `${INTO}${name}.png` });
  await close();
  console.log(`docs/screens/${name}.png`);
}

await mkdir(INTO, { recursive: true });
const chrome = await browser();
const world = await story();
const wide = { width: 1360, height: 850 };
const narrow = { width: 360, height: 740 };
const there = (text) => (page) => page.getByText(text).first().waitFor();
const openDock = async (page) => {
  await page.getByText("newcomer").first().waitFor();
  await page.getByRole("button", { name: /^\d\d:\d\d:\d\d/ }).click();
};
await shoot(chrome, world.api, "fleet-light", { ...wide, act: openDock });
await shoot(chrome, world.api, "fleet-dark", { ...wide, scheme: "dark", act: there("newcomer") });
await shoot(chrome, world.api, "tenant-light", { ...wide, path: "#/fleet/hooli", act: there("Timeline") });
await shoot(chrome, world.api, "rollouts-light", { ...wide, path: "#/rollouts", act: there("Plan a rollout") });
await shoot(chrome, world.api, "rollouts-dark", { ...wide, scheme: "dark", path: "#/rollouts", act: there("Plan a rollout") });
await shoot(chrome, world.api, "activity-dark", { ...wide, scheme: "dark", path: "#/activity", act: async (page) => {
  await page.getByText("What happens").waitFor();
  for (let minute = 0; minute < 12; minute += 1) {
    await world.advance(60);
    await pause(500);
  }
} });
await shoot(chrome, world.api, "phone-fleet", { ...narrow, act: there("newcomer") });
await shoot(chrome, world.api, "phone-tenant", { ...narrow, scheme: "dark", path: "#/fleet/hooli", act: there("Timeline") });
await world.down();

const fleet = await many(10_000);
const api = await gateway(fleet.answer);
const pages = await site("--api", api.url, "--every", "3600");
await shoot(chrome, pages.url, "ten-thousand-dark", { ...wide, scheme: "dark", api: api.url, act: (page) => page.waitForFunction(() => document.querySelector("fleet-map canvas")?.getAttribute("aria-label").startsWith("10,000"), null, { timeout: 300_000 }) });
await Promise.all([api.down(), pages.down(), chrome.close()]);
