/** A fleet as a library: `startFleet` of the built package, whose children run under Node as they are. */
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Fleet, FleetFact, startFleet as StartFleet } from "../../src/fleet/index.ts";
import { isAlive } from "../kit/alive.ts";

const built = fileURLToPath(new URL("../../dist/src/fleet/index.js", import.meta.url));
const one = { web: 0, agents: 0, consolidation: 0, gateway: 0 };
/** nothing listens there: port 1 needs privileges */
const nowhere = "redis://user:s3cret@127.0.0.1:1";

describe("startFleet", () => {
  let startFleet: typeof StartFleet;
  const started: Fleet[] = [];
  beforeAll(async () => {
    ({ startFleet } = (await import(built)) as { startFleet: typeof StartFleet });
  });
  afterAll(() => Promise.allSettled(started.map((fleet) => fleet.force())));
  const start = (...args: Parameters<typeof StartFleet>): { fleet: Fleet; facts: FleetFact[] } => {
    const fleet = startFleet(...args);
    const facts: FleetFact[] = [];
    fleet.on((fact) => facts.push(fact));
    started.push(fleet);
    return { fleet, facts };
  };
  const typesOf = (facts: readonly FleetFact[]) => facts.map(({ type }) => type).filter((type) => type !== "service.changed");

  it("boots a fleet, reports it in order, and leaves nothing after a stop", async () => {
    const { fleet, facts } = start({ tiers: one });
    expect(fleet.actor.getSnapshot().value).toBe("planning");
    await fleet.ready;
    expect(fleet.actor.getSnapshot().value).toBe("ready");
    const starting = facts.find(({ type }) => type === "fleet.starting") as FleetFact & { logs: string };
    expect(starting).toMatchObject({
      isOwnRedis: true,
      services: [{ name: "inference", state: "init", pid: expect.any(Number) }],
    });
    const first = fleet.stop("enough");
    expect(fleet.stop("again")).toBe(first);
    expect(await first).toMatchObject({ exitCode: 0, services: [{ name: "inference", outcome: "shutdown", ok: true }] });
    expect(typesOf(facts)).toEqual(["fleet.starting", "fleet.ready", "fleet.stopping", "fleet.stopped"]);
    expect(facts.find(({ type }) => type === "fleet.stopping")).toEqual({ type: "fleet.stopping", reason: "enough" });
    expect(existsSync(starting.logs)).toBe(false);
    const { path } = Object.fromEntries(new URL(fleet.actor.getSnapshot().context.redis!.url).searchParams) as { path: string };
    expect(existsSync(dirname(path))).toBe(false);
  });

  it.skipIf(!existsSync("/proc/self/environ"))("gives the key of the model to inference, and to no other process", async () => {
    const key = `key-${randomUUID()}`;
    const isGiven = (pid: string) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "utf8").includes(key);
      } catch {
        return false;
      }
    };
    vi.stubEnv("OPENAI_API_KEY", key);
    const { fleet, facts } = start({ tiers: { ...one, web: 1, agents: 1 } });
    await fleet.ready;
    vi.unstubAllEnvs();
    const begun = facts.find((fact) => fact.type === "fleet.starting")!;
    const { pid } = begun.services.find(({ name }) => name === "inference")!;
    // every process of the machine: the server of the fleet's Redis is among them
    expect(readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isGiven(name))).toEqual([String(pid)]);
    await fleet.stop();
  });

  it("listens to facts until the listener is removed", async () => {
    const { fleet, facts } = start({ tiers: one });
    const others: FleetFact[] = [];
    const remove = fleet.on((fact) => others.push(fact));
    await fleet.ready;
    remove();
    await fleet.stop();
    expect(typesOf(others)).toEqual(["fleet.starting", "fleet.ready"]);
    expect(facts.find(({ type }) => type === "fleet.stopping")).toEqual({ type: "fleet.stopping", reason: "stop" });
  });

  it("kills at a force, with the exit code of its signal", async () => {
    const { fleet, facts } = start({ tiers: one });
    await fleet.ready;
    const { pid } = facts.flatMap((fact) => (fact.type === "service.changed" ? [fact.service] : [])).at(-1)!;
    expect(await fleet.force("SIGINT")).toMatchObject({ exitCode: 130, services: [{ outcome: "killed" }] });
    expect(isAlive(pid!)).toBe(false);
    expect((await fleet.force()).exitCode).toBe(130);
  });

  it.each(["stop", "force"] as const)("is never ready where a %s comes at once", async (command) => {
    const { fleet } = start({ tiers: one });
    const ended = fleet[command]();
    await expect(fleet.ready).rejects.toMatchObject({ code: "SG_ERR_BOOT_ABORTED" });
    expect(await ended).toEqual({ services: [], exitCode: command === "stop" ? 0 : 137 });
  });

  it("rejects, before anything is started, with every problem of the environment", async () => {
    const wrong = { SG_BOOT_JITTER_MS: "1e99", SG_HEALTH_HOST: "not a host" };
    Object.assign(process.env, wrong);
    try {
      const { fleet, facts } = start({ tiers: one, redis: "here" });
      await expect(fleet.ended).rejects.toMatchObject({ code: "SG_ERR_CONFIG_INVALID" });
      for (const problem of ["SG_BOOT_JITTER_MS", "healthHost must be", "redis is not a URL"]) {
        await expect(fleet.ready).rejects.toMatchObject({ message: expect.stringContaining(problem) });
      }
      expect(facts).toEqual([]);
    } finally {
      for (const name of Object.keys(wrong)) delete process.env[name];
    }
  });

  it("rejects where a named Redis does not answer, without its password", async () => {
    const { fleet, facts } = start({ tiers: one, redis: nowhere });
    await expect(fleet.ended).rejects.toMatchObject({
      code: "SG_ERR_REDIS_UNREACHABLE",
      message: expect.not.stringContaining("s3cret"),
    });
    expect(facts).toEqual([]);
  });

  it("throws for tiers and counts that do not exist", () => {
    const refused = (tiers: Record<string, number>) => () => startFleet({ tiers });
    expect(refused({ gatway: 1 })).toThrow('unknown tier "gatway" (did you mean gateway?)');
    for (const count of [-1, 1.5, 65]) expect(refused({ web: count })).toThrow("write web=COUNT with a whole number");
    expect(refused({ ...one, inference: 0 })).toThrow("no tier is left to start");
  });
});
