/** What the faults of one service need: a Redis, a proxy before it, and programs that log what their hooks do. */
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { RegistryEntry, StopReport } from "../../src/index.ts";
import type { Ending, ProgramOptions } from "./program.ts";
import { endPrograms, Program } from "./program.ts";
import { LoopbackProxy } from "./proxy.ts";
import type { TestRedis } from "./redis.ts";
import { startTestRedis } from "./redis.ts";
import { eventually } from "./wait.ts";

type Act = "SIGTERM" | "SIGINT" | "shutdown" | "throw" | "reject" | "break" | "exit";

/** What test/fixtures/narrator.mjs does. */
export interface Plan {
  readonly options?: object;
  readonly onStart?: string;
  readonly run?: string;
  readonly onStop?: string;
  readonly defers?: readonly string[];
  /** a number: the wall clock is set by so many ms (test/fixtures/wall-clock.cjs) */
  readonly at?: Readonly<Record<string, readonly (Act | number)[]>>;
  readonly lives?: number;
  /** stays in healthy instead of running */
  readonly hold?: boolean;
  /** serves HTTP of its own, as the gateway does */
  readonly http?: boolean;
  /** logs each signal and when it came */
  readonly logSignals?: boolean;
  readonly factory?: string;
  /** done once all has ended */
  readonly afterwards?: Act;
  /** launches a quiet second service, "beside" */
  readonly beside?: boolean;
  /** which observers throw at every call */
  readonly unruly?: "watchers" | "logger";
  /** a timer of so many ms fires at `fireHeld` (test/fixtures/held-timers.mjs) */
  readonly holdMs?: number;
  /** ms that it blocks its event loop at SIGUSR2, at the least */
  readonly blockMs?: number;
  /** the block goes on until there is a file of this name */
  readonly blockUntil?: string;
  /** has a health check that logs each call; the first one ends at a line on standard input */
  readonly check?: boolean;
  /** names of the base class that the tier has for something of its own */
  readonly ownNames?: readonly string[];
}

export class Stage {
  redis!: TestRedis;
  proxy!: LoopbackProxy;

  constructor() {
    beforeAll(async () => {
      this.redis = await startTestRedis();
      this.proxy = await LoopbackProxy.start(this.redis.port);
    });
    afterEach(async () => {
      await endPrograms();
      this.proxy.mode = "pass";
      await this.proxy.accept();
      await this.redis.witness.flushall();
    });
    afterAll(async () => {
      await this.proxy.stop();
      await this.redis.stop();
    });
  }

  service(plan: Plan = {}, url: string = this.redis.url, { env = {}, ...options }: ProgramOptions = {}): Program {
    return new Program("narrator.mjs", { env: { SG_TEST: JSON.stringify(plan), REDIS_URL: url, ...env }, ...options });
  }

  /** The service once it runs, and the port of its health server. */
  async running(plan: Plan = {}, url: string = this.redis.url): Promise<{ program: Program; port: number }> {
    const program = this.service(plan, url);
    return { program, port: (await this.entryOf(program)).health!.port };
  }

  /** Resolves with the registry entry of a service of that program once its status is `running`. */
  async entryOf({ pid }: Program, name = "fixture"): Promise<RegistryEntry> {
    const found = async () =>
      (await this.entries()).find((entry) => entry.pid === pid && entry.service === name && entry.status === "running");
    return (await eventually(`${name} runs`, found))!;
  }

  async entries(): Promise<RegistryEntry[]> {
    const keys = await this.redis.witness.keys("sg:registry:service:*");
    const texts = await Promise.all(keys.map((key) => this.redis.witness.get(key)));
    return texts.filter((text) => text !== null).map((text) => JSON.parse(text));
  }

  /** Connections to the Redis, but for the test's own. */
  async connections(): Promise<string[]> {
    const own = await this.redis.witness.client("ID");
    const lines = String(await this.redis.witness.client("LIST"))
      .trim()
      .split("\n");
    return lines.filter((line) => !line.startsWith(`id=${own} `));
  }

  /** Waits for its end, as the last one of its test: by itself, with `code`, leaving no entry, no connection and no complaint. */
  async endsWell(program: Program, code: number): Promise<Ending> {
    const ending = await program.ended;
    expect(ending, program.errors).toMatchObject({ code, signal: null });
    expect(program.errors).toBe("");
    expect(await this.entries()).toEqual([]);
    await eventually("no connection is left", async () => (await this.connections()).length === 0);
    return ending;
  }
}

export const reportOf = (program: Program): StopReport => {
  if (program.report === undefined) throw new Error(`no report: ${program.texts.slice(-3).join(" | ")} ${program.errors}`);
  return program.report as unknown as StopReport;
};

export const phaseOf = (program: Program, name: string) => {
  const found = reportOf(program).phases.find(({ phase }) => phase === name);
  if (found === undefined) throw new Error(`no phase ${name}: ${reportOf(program).phases.map(({ phase }) => phase)}`);
  return found;
};

/** Fires the timers that `holdMs` holds, and resolves with how many there were. */
export const fireHeld = async (program: Program): Promise<number> => {
  program.write("fire\n");
  return Number((await program.line("the held timers", ({ type }) => type === "fired")).timers);
};

/** `onStart, run, onStop`: the hooks begun, in order */
export const hooksOf = ({ lines }: Program): string[] =>
  lines.filter(({ type }) => type === "hook").map(({ hook }) => String(hook));

/** The order in which what was deferred was released, by when it was deferred. */
export const releasesOf = ({ lines }: Program): unknown[] =>
  lines.filter(({ type }) => type === "release").map(({ order }) => order);

export const statesOf = ({ lines }: Program): string[] =>
  lines.filter(({ type }) => type === "state.entered").map(({ state }) => String(state));

/** `stopping.draining SG_ERR_DRAIN_TIMEOUT`, one line each */
export const failuresOf = (program: Program): string[] => reportOf(program).failures.map(({ phase, code }) => `${phase} ${code}`);
