/** What only a parent knows of its processes, in the journal: how each ended, and when the next one is started. */

import type { ChildExit } from "../../machines/index.ts";
import { deadlineOf } from "../../machines/index.ts";
import type { JournalItem } from "../journal/item.ts";
import { hasJournal } from "../journal/on.ts";
import { wireFields, wireItems } from "../journal/wire.ts";
import { closeRedis, openRedis } from "../redis/connection.ts";
import { msOfTime } from "../redis/time.ts";
import type { InstanceName } from "../registry/entry.ts";
import { journalLength, registryKeys } from "../registry/keys.ts";
import { until } from "../until.ts";
import type { Member } from "./views.ts";
import { causeOf } from "./views.ts";

/** ms for one message, the connection included, and for closing that */
const timeoutMs = 2000;
const closeTimeoutMs = 500;

type Exited = Omit<Extract<JournalItem, { kind: "exited" }>, "at" | "nextTryAt"> & { readonly nextTryMs: number | null };

const exitOf = ({ supervisor, log }: Exiting, exit: ChildExit): Exited => {
  const snapshot = supervisor.actor.getSnapshot();
  const { restartedAt } = snapshot.context;
  // where another process is started, the chart waits for nothing else
  const nextTryMs = deadlineOf(snapshot)?.ms ?? null;
  return {
    kind: "exited",
    exitCode: exit.code,
    signal: exit.signal,
    nextTryMs,
    tries: nextTryMs === null ? 0 : restartedAt.length + 1,
    cause: causeOf({ supervisor, log }),
  };
};

/** A process that is followed. */
type Exiting = Pick<Member, "supervisor" | "namesOf" | "log">;

/** Writes the exits of a fleet. No call waits for Redis, and without Redis nothing is written. */
export class ExitJournal {
  readonly #url: string;
  readonly #writing = new Set<Promise<void>>();

  constructor(url: string) {
    this.#url = url;
  }

  /** Writes each exit of a supervised process, for each service in it. */
  follow(exiting: Exiting): void {
    const { supervisor, namesOf } = exiting;
    if (!hasJournal()) return;
    let last = supervisor.actor.getSnapshot().context.exit;
    const look = () => {
      const { exit } = supervisor.actor.getSnapshot().context;
      const isNew = exit !== last;
      last = exit;
      const names = [...namesOf()];
      // where it was the last service of the fleet, its supervisor is stopped in this turn, and no process is started any more
      if (exit !== undefined && isNew) queueMicrotask(() => this.#add(names, exitOf(exiting, exit)));
    };
    supervisor.actor.subscribe({ next: look, complete: look });
  }

  /** Resolves once what was begun has been written or given up. */
  async settled(): Promise<void> {
    await Promise.all(this.#writing);
  }

  #add(names: readonly InstanceName[], exited: Exited): void {
    const writing = this.#write(names, exited)
      .catch(() => {})
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }

  async #write(names: readonly InstanceName[], { nextTryMs: inMs, ...exited }: Exited): Promise<void> {
    const redis = openRedis(this.#url);
    const happenedAt = performance.now();
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      await until(redis.connect(), { signal, what: "a connection to Redis" });
      const time = await until(redis.time(), { signal, what: "the time of Redis" });
      const passedMs = performance.now() - happenedAt;
      const nextTryAt = inMs === null ? null : Math.round(msOfTime(time) + inMs - passedMs);
      const [items] = wireItems([{ ...exited, nextTryAt, at: -passedMs }], 0) as [string];
      const { journal } = registryKeys(redis);
      const written = names.map((name) => {
        const fields = wireFields({ ...name, incarnation: 0, boot: "", version: "" }, items);
        return redis.xadd(journal, "MAXLEN", "~", journalLength, "*", ...fields);
      });
      await until(Promise.all(written), { signal, what: "the journal" });
    } finally {
      await closeRedis(redis, { signal: AbortSignal.timeout(closeTimeoutMs) });
    }
  }
}
