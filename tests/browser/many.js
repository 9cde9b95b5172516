// A large fleet, made of a tenant that is real: what it looks like is what the API answers, only its words are changed.

import { pause, up } from "./stand.js";

const SHARES = [["running", 0.62], ["stopped", 0.34], ["starting", 0.015], ["stopping", 0.015], ["failed", 0.01]];

/** So many tenants, and the API that tells of them. */
export async function many(number) {
  const world = await up();
  await world.running("one");
  const { body: one } = await world.call("GET", "/tenants/one");
  const { body: why } = await world.call("GET", "/tenants/one/explain");
  const releases = (await world.call("GET", "/releases")).body;
  const rollout = (await world.call("GET", `/rollouts/${releases.rollout}`)).body;
  await world.down();
  releases.releases.unshift({ ...releases.releases[0], id: "r2", state: "candidate", reasons: [] });
  const tenants = Array.from({ length: number }, (_, index) => tenant(one, index));
  return {
    tenants,
    releases,
    rollout,
    /** Tells what changes from now on. */
    change: (index, changes) => Object.assign(tenants[index], changes),
    answer: async (_, url) => {
      await pause(0);
      const { pathname, searchParams } = new URL(url, "http://here");
      if (pathname === "/tenants") {
        const from = Number(searchParams.get("cursor") ?? 0);
        const to = from + 100;
        return { status: 200, body: { tenants: tenants.slice(from, to), cursor: to < tenants.length ? String(to) : null } };
      }
      if (pathname === "/releases") return { status: 200, body: releases };
      if (pathname.startsWith("/rollouts/")) return { status: 200, body: rollout };
      const [, , id, what = ""] = pathname.split("/");
      const found = tenants.find((other) => other.id === id);
      const told = found && { "": found, history: { decisions: [], cursor: null }, explain: { ...why, tenant: id, phase: found.phase } }[what];
      return told ? { status: 200, body: told } : { status: 404, body: { code: "no_tenant", detail: "there is none" } };
    },
  };
}

/** Always the same, as a picture that is compared has to be. */
function tenant(one, index) {
  let mixed = Math.imul(index ^ 0x9e3779b9, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  mixed = (mixed ^ (mixed >>> 16)) >>> 0;
  const dice = mixed / 2 ** 32;
  let sum = 0;
  const [phase] = SHARES.find(([, share]) => (sum += share) > dice) ?? SHARES[0];
  const moved = phase !== "stopped" && mixed % 100 < 22;
  return {
    ...one,
    id: `customer-${index + 1}`,
    phase,
    release: { applied: moved ? "r2" : "r1", promoted: "r1" },
    intent: { ...one.intent, state: phase === "stopped" || phase === "stopping" ? "stopped" : "running", reason: phase === "stopped" ? "idle" : "wake" },
    lastError: phase === "failed" ? { code: "X", message: "the task stopped before it was running: exit code 1", step: "start", attempts: 3, at: one.intent.at, outlook: "final" } : null,
  };
}
