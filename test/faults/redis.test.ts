/** F18, F19: Redis in trouble at boot and at shutdown. */
import { readFileSync } from "node:fs";
import { afterEach, expect } from "vitest";
import type { FlightRecording } from "../../src/flight/recording.ts";
import type { Happened } from "../kit/fault.ts";
import { fault, readable } from "../kit/fault.ts";
import { endPrograms, Program } from "../kit/program.ts";
import type { Trouble, Troubled } from "../kit/troubles.ts";
import { startTroubled, troubles } from "../kit/troubles.ts";
import { eventually } from "../kit/wait.ts";

const endings: (() => unknown)[] = [];
afterEach(async () => {
  await endPrograms();
  for (const end of endings.splice(0).reverse()) await end();
});

const attempts = 3;
/** of an attempt; what answers, if only to refuse, does so before, on a busy machine too */
const pingTimeoutOf = ({ silent }: Trouble) => (silent ? 400 : 30_000);

const begin = async (trouble: Trouble): Promise<Troubled> => {
  const troubled = await startTroubled(trouble);
  endings.push(
    () => troubled.redis.stop(),
    () => troubled.proxy.stop(),
  );
  return troubled;
};
const service = (url: string, options: object) =>
  new Program("service.mjs", { env: { SG_TEST: JSON.stringify({ options }), REDIS_URL: url } });
const durationOf = (program: Program, phase: string) =>
  (program.report!.phases as { phase: string; durationMs: number }[]).find((record) => record.phase === phase)!.durationMs;

/** The events that ended the attempts, by the recording that a failed stop leaves. */
const endsOf = async (program: Program): Promise<string[]> => {
  const { path } = await program.line("its recording", ({ type }) => type === "flight.written");
  const { entries } = JSON.parse(readFileSync(String(path), "utf8")) as FlightRecording;
  return entries.flatMap((entry) => (entry.kind === "step" && entry.path === "pinging.judging" ? [entry.event.type] : []));
};

const givesUp = async (url: string, trouble: Trouble): Promise<string> => {
  const { message, silent } = trouble;
  const program = service(url, { pingTimeoutMs: pingTimeoutOf(trouble) });
  const { code } = await program.ended;
  expect(code, program.errors).toBe(1);
  const { error } = program.report as unknown as { error: { code: string; phase: string; message: string } };
  expect(error).toMatchObject({ code: "SG_ERR_REDIS_UNREACHABLE", phase: "pinging" });
  expect(error.message).toMatch(message);
  expect(error.message).toMatch(/^Redis at redis:\/\/tiers:\*+@127\.0\.0\.1:\d+ .* 3 attempts: /);
  const ms = durationOf(program, "pinging");
  // each ends by its own deadline where nothing answers, else by the refusal
  const end = silent ? "xstate.after.pingTimeout.lifecycle.pinging.attempt" : "xstate.error.actor.pingRedis";
  expect(await endsOf(program)).toEqual(Array.from({ length: attempts }, () => end));
  return `required: gave up after 3 attempts in ${readable(ms)}, exit 1, "${message.exec(error.message)![0]}"`;
};

const letsGo = async (url: string): Promise<string> => {
  const program = service(url, { pingAttempts: 1000, pingTimeoutMs: 600_000 });
  await program.state("pinging");
  program.signal("SIGTERM");
  const { code, ms } = await program.ended;
  expect(code, program.errors).toBe(0);
  expect(program.report).toMatchObject({ outcome: "shutdown", reason: "SIGTERM" });
  expect(program.errors).toBe("");
  return `SIGTERM in the middle: exit 0 after ${readable(ms)}`;
};

/** Begins without Redis; the returned function heals it and waits until nothing shows that it was not there. */
const getsBy = async ({ url, redis }: Troubled, trouble: Trouble): Promise<(heal: () => Promise<unknown>) => Promise<string>> => {
  const lease = { registerTimeoutMs: 300, heartbeatMs: 200, leaseTtlMs: 2000 };
  const program = service(url, { redisRequired: false, pingTimeoutMs: pingTimeoutOf(trouble), ...lease });
  await program.state("running");
  expect(program.lines.some(({ type }) => type === "degraded")).toBe(true);
  return async (heal) => {
    await heal();
    const since = performance.now();
    await program.line("degraded clears", ({ type }) => type === "degraded.cleared");
    const ms = performance.now() - since;
    await eventually("the entry", async () => (await redis.witness.keys("sg:registry:service:*")).length === 1);
    program.signal("SIGTERM");
    expect(await program.ended, program.errors).toMatchObject({ code: 0 });
    return `optional: ran degraded, registered ${readable(ms)} after it was well`;
  };
};

/** one of each kind in every run: refused, silent, not let in, not of use */
const quick = ["refused", "a black hole", "a password that it does not know", "a read-only replica"];
for (const trouble of troubles) {
  const slow = !quick.includes(trouble.name);
  const work = async (happened: Happened) => {
    const troubled = await begin(trouble);
    const [refused, released, recovers] = await Promise.all([
      givesUp(troubled.url, trouble),
      letsGo(troubled.url),
      getsBy(troubled, trouble),
    ]);
    happened(refused);
    happened(released);
    happened(await recovers(() => trouble.end(troubled)));
  };
  fault("F18", trouble.name, work, { slow });
}

const budgetMs = 3000;

const stopsWithin = async (trouble: Trouble): Promise<{ program: Program; ms: number; deregistering: string }> => {
  const healthy = await begin({ ...trouble, begin: async () => {} });
  const program = service(healthy.url, { shutdownTimeoutMs: budgetMs, heartbeatMs: 300, leaseTtlMs: 1500 });
  await program.state("running");
  await eventually("the entry", async () => (await healthy.redis.witness.keys("sg:registry:service:*")).length === 1);
  await trouble.begin(healthy);
  await program.line("the lease notices", ({ type }) => type === "lease.suspect");
  program.signal("SIGTERM");
  const { code, ms } = await program.ended;
  expect(code, program.errors).toBe(0);
  expect(program.report).toMatchObject({ outcome: "shutdown", reason: "SIGTERM" });
  const phases = program.report!.phases as { phase: string; outcome: string }[];
  return { program, ms, deregistering: phases.find(({ phase }) => phase === "stopping.deregistering")!.outcome };
};

const dead: Trouble = { ...troubles[0]!, name: "killed", begin: async ({ redis }) => redis.kill(), end: async () => {} };
for (const trouble of [dead, ...troubles.filter(({ name }) => ["a black hole", "frozen"].includes(name))]) {
  fault("F19", trouble.name, async (happened) => {
    const { ms, deregistering } = await stopsWithin(trouble);
    expect(deregistering).toMatch(/failed|timeout/);
    happened(`exit 0 after ${readable(ms)} of ${readable(budgetMs)}, the delete marked "${deregistering}"`);
  });
}
