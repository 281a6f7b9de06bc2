/** What only a parent knows of its processes, in the journal: how each ended, and when the next one is started. */

import type { JournalItem } from "../journal/item.ts";
import { hasJournal } from "../journal/on.ts";
import { wireFields, wireItems } from "../journal/wire.ts";
import { closeRedis, openRedis } from "../redis/connection.ts";
import { msOfTime } from "../redis/time.ts";
import type { InstanceName } from "../registry/entry.ts";
import { journalLength, registryKeys } from "../registry/keys.ts";
import type { Supervisor } from "../supervisor/index.ts";
import { until } from "../until.ts";

/** ms for one message, the connection included, and for closing that */
const timeoutMs = 2000;
const closeTimeoutMs = 500;

type Exited = Omit<Extract<JournalItem, { kind: "exited" }>, "at" | "nextTryAt"> & { readonly nextTryMs: number | null };

/** What XState keeps of the timers of an actor system. */
interface Scheduled {
  readonly _scheduledEvents?: Readonly<Record<string, { readonly delay: number }>>;
}

/** ms until the supervisor starts the next process, asked right after the exit; null where it starts none. The chart has one timer then. */
const nextTryMs = ({ actor }: Supervisor): number | null => {
  const { system } = actor as unknown as { readonly system: { getSnapshot(): Scheduled } };
  const [timer] = Object.values(system.getSnapshot()._scheduledEvents ?? {});
  return timer?.delay ?? null;
};

const exitOf = (supervisor: Supervisor): Exited | undefined => {
  const snapshot = supervisor.actor.getSnapshot();
  const { exit, report, restartedAt } = snapshot.context;
  if (exit === undefined) return undefined;
  const isRetried = snapshot.matches("backingOff") || snapshot.matches("givenUp");
  return {
    kind: "exited",
    exitCode: exit.code,
    signal: exit.signal,
    nextTryMs: isRetried ? nextTryMs(supervisor) : null,
    tries: isRetried ? restartedAt.length + 1 : 0,
    cause: report?.error ?? "",
  };
};

/** Writes the exits of a fleet. No call waits for Redis, and without Redis nothing is written. */
export class ExitJournal {
  readonly #url: string;
  readonly #writing = new Set<Promise<void>>();

  constructor(url: string) {
    this.#url = url;
  }

  /** Writes each exit of a supervised process, for each service in it. */
  follow(supervisor: Supervisor, namesOf: () => readonly InstanceName[]): void {
    if (!hasJournal()) return;
    let last = supervisor.actor.getSnapshot().context.exit;
    const look = () => {
      const { exit } = supervisor.actor.getSnapshot().context;
      const isNew = exit !== undefined && exit !== last;
      last = exit;
      // the chart sets the timer of the next start after this transition
      const names = [...namesOf()];
      if (isNew) queueMicrotask(() => this.#add(names, exitOf(supervisor)));
    };
    supervisor.actor.subscribe({ next: look, complete: look });
  }

  /** Resolves once what was begun has been written or given up. */
  async settled(): Promise<void> {
    await Promise.all(this.#writing);
  }

  #add(names: readonly InstanceName[], exited: Exited | undefined): void {
    if (exited === undefined) return;
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
