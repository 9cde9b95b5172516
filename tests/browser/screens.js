// Makes the pictures of docs/screens: `npm run screens`.

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { many } from "./many.js";
import { browser, gateway, open, passes, pause, site, up } from "./stand.js";

const INTO = fileURLToPath(new URL("../../docs/screens/", import.meta.url));

const WIDE = { width: 1200, height: 760 };

const CUSTOMERS = ["acme", "aperture", "cyberdyne", "globex", "hooli", "initech", "massive-dynamic", "oscorp", "pied-piper", "soylent", "stark", "tyrell", "umbrella", "vandelay", "wayne", "weyland", "wonka"];

const OWN = { image: "public.ecr.aws/acme/agent:7", size: { cpu: 512, memory: 1024 }, env: { PLAN: "gold" } };

/** A small fleet in the middle of a deploy: some sleep, one has failed, one has just come. */
async function story() {
  const world = await up("--parameter", 'RolloutPolicy={"bakeSeconds":120,"maxInFlightPercent":20,"waves":[20,60,100],"tolerance":2}');
  for (const [index, id] of CUSTOMERS.entries()) {
    await world.call("PUT", `/tenants/${id}`, index % 3 === 1 ? OWN : {});
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
  await world.until("baking", async () => (await world.call("GET", "/rollouts/ro2")).body?.status?.phase === "baking");
  await world.call("POST", "/_local/images", { image: "public.ecr.aws/acme/agent:bad", behaviour: "never-starts" });
  await world.call("PUT", "/tenants/zorg", { image: "public.ecr.aws/acme/agent:bad" });
  await world.until("a wave", async () => {
    const rollout = await world.call("GET", "/rollouts/ro2");
    return rollout.body?.status?.phase === "wave" && rollout.body.tally.succeeded > 3;
  });
  await world.call("PUT", "/tenants/newcomer", {});
  await world.advance(6);
  return world;
}

async function shoot(chrome, url, name, { path = "#/fleet", act, ...options }) {
  const { page, close } = await open(chrome, `${url}/${path}`, { ...WIDE, ...options });
  await act(page);
  await page.mouse.move(0, 0);
  await pause(1000);
  await page.screenshot({ path: `${INTO}${name}.png` });
  await close();
  console.log(`docs/screens/${name}.png`);
}

await mkdir(INTO, { recursive: true });
const chrome = await browser();
const world = await story();
const there = (text) => (page) => page.getByText(text).first().waitFor();
await shoot(chrome, world.api, "fleet-light", { act: there("newcomer") });
await shoot(chrome, world.api, "fleet-dark", { scheme: "dark", act: there("newcomer") });
await shoot(chrome, world.api, "rollouts-light", { path: "#/rollouts", act: there("Plan a rollout") });
await shoot(chrome, world.api, "tenant-light", { path: "#/fleet/aperture", act: async (page) => {
  await there("Timeline")(page);
  await page.getByTitle("Play the world").click();
} });
await shoot(chrome, world.api, "activity-dark", { scheme: "dark", path: "#/activity", act: async (page) => {
  await there("What happens")(page);
  for (const words of ["10 min", "10 min", "10 min", "1 min"]) await passes(page, words);
} });
await world.down();

const fleet = await many(10_000);
const api = await gateway(fleet.answer);
const pages = await site("--api", api.url, "--every", "3600");
await shoot(chrome, pages.url, "ten-thousand-dark", { scheme: "dark", api: api.url, act: (page) => page.waitForFunction(() => document.querySelector("fleet-map canvas")?.getAttribute("aria-label").startsWith("10,000"), null, { timeout: 300_000 }) });
await Promise.all([api.down(), pages.down(), chrome.close()]);
