/** The Redis of a fleet: the one that was named, or one of its own, under a supervisor like everything else that `up` starts. */
import type { SupervisorSnapshot } from "../../machines/index.ts";
import type { EmbeddedRedis } from "../redis/embedded/server.ts";
import { startEmbeddedRedis } from "../redis/embedded/server.ts";
import type { Startable, Supervisor } from "../supervisor/index.ts";
import { supervise } from "../supervisor/index.ts";
import { withRedis } from "./connect.ts";
import type { RedisView, ServiceEnding, Writer } from "./facts.ts";
import type { Place } from "./locate.ts";

export interface FleetRedis {
  readonly url: string;
  readonly isOwn: boolean;
  /** Resolves when it has been given up; never for one that was named. */
  readonly lost: Promise<unknown>;
  /** Ends it, if it is ours. Resolves with how it ended where that is worth a line: it had been given up. */
  stop(): Promise<ServiceEnding | undefined>;
}

export interface RedisOptions {
  readonly named: Place | undefined;
  readonly writer: Writer;
  /** gives up waiting for its first answer */
  readonly signal: AbortSignal;
}

/** Resolves once it has answered. Rejects with why it cannot be had. */
export const provideRedis = async ({ named, writer, signal }: RedisOptions): Promise<FleetRedis> => {
  if (named === undefined) return supervised(await startEmbeddedRedis({ signal }), writer);
  await withRedis(named, async () => {}, { signal });
  return { url: named.url, isOwn: false, lost: new Promise(() => {}), stop: async () => undefined };
};

const supervised = (first: EmbeddedRedis, writer: Writer): FleetRedis => {
  const servers = inTurn(first);
  const supervisor = supervise({ name: "redis", start: servers.start });
  report(supervisor, writer);
  const stop = async (): Promise<ServiceEnding | undefined> => {
    const { end, trouble } = await supervisor.stop();
    await servers.stop();
    if (end !== "givenUp") return undefined;
    return { name: "redis", outcome: "given up", reason: trouble, exitCode: null, ms: 0, ok: false };
  };
  return { url: first.url, isOwn: true, lost: supervisor.ended, stop };
};

/** The first server is up already; each later one takes its place: the same socket and password, and nothing of its data. */
const inTurn = (first: EmbeddedRedis): Pick<Startable, "start"> & { stop(): Promise<void> } => {
  const waiting = [first];
  let last = first;
  return {
    async start(hear, signal) {
      last = waiting.pop() ?? (await last.restart({ signal }));
      const { pid, ended, kill } = last;
      hear({ type: "state", state: "running" });
      const exited = ended.then(() => ({ code: null, signal: null }));
      return { pid, exited, terminate: () => void kill(), kill: () => void kill() };
    },
    // the folder goes with the last one
    stop: () => last.stop(),
  };
};

/** Whoever was up and ended was not asked to: its exit says no more. */
const viewOf = ({ pid }: Supervisor, { value, context: { restarts, trouble, exit } }: SupervisorSnapshot): RedisView => ({
  state: value === "up" ? "running" : String(value),
  pid: value === "up" ? pid : undefined,
  restarts,
  trouble: exit === undefined ? trouble : "it ended without being asked to",
});

/** Tells when it is lost, back, or given up. */
const report = (supervisor: Supervisor, writer: Writer): void => {
  let told = "running";
  supervisor.actor.subscribe((snapshot) => {
    const redis = viewOf(supervisor, snapshot);
    if (redis.state === told || !["running", "backingOff", "givenUp"].includes(redis.state)) return;
    told = redis.state;
    writer.write({ type: "redis.changed", redis });
  });
};
