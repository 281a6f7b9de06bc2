/** What the world must look like when the model is in a state: Redis, HTTP, the hooks, and at the end what is left. */
import { expect } from "vitest";
import type { LifecycleSettings, LifecycleSnapshot } from "../../machines/index.ts";
import { stateName, statePath } from "../../machines/index.ts";
import { ask } from "./http-client.ts";
import { leaseOf } from "./real-model.ts";
import type { TestRedis } from "./redis.ts";
import { eventually } from "./wait.ts";

/** What the path has led to, as far as the model does not know it. */
export interface Expected {
  entry: "none" | "ours" | "rival";
  /** where health has opened */
  port: number | undefined;
  isPortOpen: boolean;
  hasRun: boolean;
}

/** The substates from which on the work's signal has aborted, and from which on `onStop` has been called. */
const drained = ["stopping.draining", "stopping.unwinding", "stopping.releasing", "stopping.disconnecting", "stopped"];
const unwound = drained.slice(1);

/** The status that a held lease has written when the chart is here. */
const statusOf = (model: LifecycleSnapshot): string => {
  const name = stateName(model);
  return name === "registering" || statePath(model) === "healthy.opening" ? "starting" : name;
};

interface EntryCheck {
  readonly redis: TestRedis;
  readonly key: string;
  readonly incarnation: number | undefined;
}

export const checkEntry = async (model: LifecycleSnapshot, expected: Expected, { redis, key, incarnation }: EntryCheck) => {
  const text = await redis.witness.get(key);
  const entry = text === null ? undefined : JSON.parse(text);
  const holder = entry === undefined ? "none" : entry.incarnation === incarnation ? "ours" : "rival";
  expect(holder, "the registry entry").toBe(expected.entry);
  if (leaseOf(model) !== "held" || statePath(model) === "stopping.deregistering") return;
  const status = statusOf(model);
  expect(entry.status, "the status in the entry").toBe(status);
  if (status === "healthy" || status === "running")
    expect(entry.health).toEqual(expected.port === undefined ? null : { host: "127.0.0.1", port: expected.port });
};

export const checkProbes = async (model: LifecycleSnapshot, { port, isPortOpen }: Expected) => {
  if (port === undefined) return;
  if (!isPortOpen || model.status === "done") {
    await eventually("the port is closed", () => ask(port, "/healthz").then(() => false, isRefused));
    return;
  }
  const status = model.hasTag("ready") ? 200 : 503;
  await eventually(`/readyz ${status}`, async () => (await ask(port, "/readyz")).status === status);
  expect((await ask(port, "/healthz")).status, "/healthz").toBe(200);
};

const isRefused = (error: NodeJS.ErrnoException): boolean => error.code === "ECONNREFUSED";

export const checkHooks = (
  model: LifecycleSnapshot,
  { hasRun }: Expected,
  { calls, signal }: { readonly calls: readonly string[]; readonly signal: AbortSignal | undefined },
) => {
  const { tier, open } = model.context.begun;
  // a port that closes last closes where the releases are over
  const closesLast = model.context.settings.closeHealth === "last" && open;
  const path = closesLast ? statePath(model).replace("stopping.closing", "stopping.releasing") : statePath(model);
  const count = (name: string) => calls.filter((call) => call === name).length;
  expect(count("onStart"), "onStart").toBe(tier ? 1 : 0);
  expect(count("run"), "run").toBe(hasRun ? 1 : 0);
  // a drain that has nothing to wait for is over before a check can see it
  if (path !== "stopping.draining") expect(count("onStop"), "onStop").toBe(tier && unwound.includes(path) ? 1 : 0);
  if (signal) expect(signal.aborted, `the signal in ${path}`).toBe(drained.includes(path));
};

/** The settings that decide which parts the service under test has. */
export const partsOf = ({
  hasRedis = true,
  redisRequired = true,
  hasHealth = true,
  closeHealth = "first",
}: Partial<LifecycleSettings>) => ({ hasRedis, redisRequired, hasHealth, closeHealth });
