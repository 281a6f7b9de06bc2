/** The Redis of a fleet, as one actor of its chart: the one that was named, or one of its own under a supervisor. */
import { once } from "node:events";
import { fromCallback } from "xstate";
import type {
  ChildCommand,
  ChildFact,
  ChildInput,
  ChildLogic,
  RedisCommand,
  RedisFact,
  RedisInput,
  RedisLogic,
  RedisPlace,
  RedisView,
  ServiceEnding,
  SupervisorSnapshot,
} from "../../machines/index.ts";
import { runningState, statePath } from "../../machines/index.ts";
import { messageOf } from "../errors.ts";
import type { ServerUser } from "../redis/embedded/config.ts";
import type { EmbeddedRedis } from "../redis/embedded/server.ts";
import { startEmbeddedRedis } from "../redis/embedded/server.ts";
import { redactUrl } from "../redis/url.ts";
import type { Supervisor } from "../supervisor/index.ts";
import { supervise } from "../supervisor/index.ts";
import { withRedis } from "./connect.ts";
import { maxMemory } from "./max-memory.ts";
import { sharedUser, tiersUser } from "./permissions.ts";
import { watchForRemoval } from "./removed.ts";

type Send = (fact: RedisFact) => void;

/**
 * Sends `redis.provided` once Redis has answered, else `redis.failed` with the reason. Of an own Redis it sends each change, and
 * `redis.lost` where it was given up. `stop`, legal at any time, is followed by `redis.ended` or `redis.failed`.
 */
export const redis: RedisLogic = fromCallback<RedisCommand, RedisInput>(({ input: { named, isShared }, sendBack, receive }) => {
  const stopping = new AbortController();
  const { signal } = stopping;
  receive(() => stopping.abort());
  const ended =
    named === undefined ? keepOwn(isShared ? sharedUser : tiersUser, sendBack, signal) : keepNamed(named, sendBack, signal);
  ended.then(
    (ending) => sendBack({ type: "redis.ended", ending }),
    (error: unknown) => sendBack({ type: "redis.failed", error }),
  );
  return () => stopping.abort();
});

const aborted = async (signal: AbortSignal): Promise<void> => {
  if (!signal.aborted) await once(signal, "abort");
};

/** A named Redis is checked once; its later failures are seen by the services. */
const keepNamed = async (named: RedisPlace, send: Send, signal: AbortSignal): Promise<undefined> => {
  await withRedis(named, async () => {}, { signal });
  send({ type: "redis.provided", redis: { url: named.url, label: named.label, isOwn: false } });
  await aborted(signal);
};

/** Resolves with an ending where it is worth a line: the server had been given up. */
const keepOwn = async (user: ServerUser, send: Send, signal: AbortSignal): Promise<ServiceEnding | undefined> => {
  const servers = new ServersInTurn(await startEmbeddedRedis({ signal, user, maxMemory: maxMemory() }));
  const supervisor = supervise(servers.child);
  report(supervisor, send);
  send({ type: "redis.provided", redis: { url: servers.url, label: redactUrl(servers.url), isOwn: true } });
  const unwatch = watchForRemoval(servers.socketPath, () => send({ type: "notice", message: socketRemoved(servers.socketPath) }));
  await aborted(signal);
  unwatch();
  const { end, trouble } = await supervisor.stop();
  await servers.stop();
  if (end !== "givenUp") return undefined;
  return { name: "redis", outcome: "given up", reason: trouble, exitCode: null, ms: 0, ok: false };
};

const socketRemoved = (path: string): string =>
  `the socket of this fleet's Redis, ${path}, was removed: a service that starts from now on cannot reach Redis. Stop the fleet (Ctrl-C) and start it again.`;

/** Servers as children: the first is up already, each later one takes its place, at the same URL and with nothing of its data. */
class ServersInTurn {
  /** of the user of the tiers; the administrator's stays in this process */
  readonly url: string;
  readonly socketPath: string;
  #server: EmbeddedRedis;

  constructor(first: EmbeddedRedis) {
    this.url = first.userUrl;
    this.socketPath = first.socketPath;
    this.#server = first;
  }

  /** Ends the last server and removes the folder that they share. */
  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** A server has no state to save: `terminate` is a kill. */
  readonly child: ChildLogic = fromCallback<ChildCommand, ChildInput>(({ input, sendBack, receive }) => {
    const ending = new AbortController();
    receive(() => ending.abort());
    this.#run(input, sendBack, ending.signal).catch((error: unknown) =>
      sendBack({ type: "child.failed", reason: messageOf(error) }),
    );
    return () => ending.abort();
  });

  async #run({ restarts }: ChildInput, send: (fact: ChildFact) => void, signal: AbortSignal): Promise<void> {
    if (restarts > 0) this.#server = await this.#server.restart({ signal });
    const { pid, ended, kill } = this.#server;
    signal.addEventListener("abort", () => void kill(), { once: true });
    if (signal.aborted) void kill();
    send({ type: "child.spawned", pid });
    send({ type: "child.state", state: runningState });
    await ended;
    send({ type: "child.exited", code: null, signal: null });
  }
}

const viewOf = (snapshot: SupervisorSnapshot): RedisView => {
  const { pid, restarts, trouble } = snapshot.context;
  return { state: snapshot.matches({ alive: "up" }) ? runningState : statePath(snapshot), pid, restarts, trouble };
};

/** Sends its loss, its return, and that it was given up. */
const report = ({ actor }: Supervisor, send: Send): void => {
  let last = runningState as string;
  actor.subscribe((snapshot) => {
    const redis = viewOf(snapshot);
    const isNews = snapshot.matches({ alive: "up" }) || snapshot.matches("backingOff") || snapshot.matches("givenUp");
    if (!isNews || redis.state === last) return;
    last = redis.state;
    send({ type: "redis.changed", redis });
    if (snapshot.matches("givenUp")) send({ type: "redis.lost" });
  });
};
