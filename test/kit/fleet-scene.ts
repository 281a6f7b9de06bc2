/** A fleet that a test makes up: rows as the model gives them, and a server that shows them on the page. */

import { serveChart } from "../../src/http/chart-file.ts";
import { pageHeaders } from "../../src/http/headers.ts";
import { servePage } from "../../src/http/page-files.ts";
import { HttpServer } from "../../src/http/server.ts";
import { explain } from "../../src/instances/explain.ts";
import type { Boot, Row, Span } from "../../src/instances/row.ts";
import { silentLogger } from "../../src/logger.ts";
import { FleetFeed } from "../../src/tiers/web/fleet-feed.ts";
import { addFleetRoutes } from "../../src/tiers/web/routes.ts";
import type { WireEvent } from "../../src/tiers/web/wire.ts";

/** A part of a boot: the state, its ms, and the path within it. */
export type Part = readonly [state: Span["state"], ms: number, ready?: boolean];
/** What happened to an instance, oldest first: boots, each with its parts, and how it ended. */
export interface Life {
  readonly version: string;
  readonly parts: readonly Part[];
  /** undefined while it lives */
  readonly end?: {
    readonly mark: "ended" | "died";
    readonly outcome: string;
    readonly cause?: string;
    readonly pauseMs?: number;
  };
}

export const quickBoot: readonly Part[] = [
  ["jitter", 1100],
  ["pinging", 200],
  ["starting", 3400],
  ["registering", 200],
  ["healthy", 400],
];
export const modelBoot: readonly Part[] = [
  ["jitter", 900],
  ["pinging", 300],
  ["starting", 26_000],
  ["registering", 400],
  ["healthy", 800],
];

const lengthOf = ({ parts, end }: Life): number => parts.reduce((sum, [, ms]) => sum + ms, 0) + (end?.pauseMs ?? 0);

/** The lane and the boots of lives that end now. */
export const livedAt = (now: number, lives: readonly Life[]): { lane: Span[]; boots: Boot[] } => {
  let at = now - lives.reduce((sum, life) => sum + lengthOf(life), 0);
  const lane: Span[] = [];
  const boots: Boot[] = [];
  for (const life of lives) {
    const { version, parts, end } = life;
    const startedAt = at;
    let readyAt: number | null = null;
    parts.forEach(([state, ms, ready], place) => {
      const isLast = place === parts.length - 1 && end === undefined;
      const takes = state === "running" || state === "healthy";
      if (takes) readyAt ??= at;
      lane.push({
        state,
        from: at,
        to: isLast ? null : at + ms,
        ready: ready ?? takes,
        version,
        mark: place === 0 ? "boot" : "none",
      });
      at += ms;
    });
    const endedAt = end === undefined ? null : at;
    boots.unshift({
      boot: String(boots.length).padStart(8, "0"),
      version,
      startedAt,
      readyAt,
      endedAt,
      stopMs: end?.outcome === "shutdown" ? 4300 : null,
      outcome: end?.outcome ?? "",
      cause: end?.cause ?? "",
      code: "",
    });
    if (end === undefined) continue;
    lane.push({
      state: "gone",
      from: at,
      to: end.pauseMs === undefined ? null : at + end.pauseMs,
      ready: null,
      version,
      mark: end.mark,
    });
    at += end.pauseMs ?? 0;
  }
  return { lane: lane.filter(({ to }) => to === null || to > now - 3_600_000), boots: boots.slice(0, 10) };
};

/** A row with these lives, and what else is given. */
export const sceneRow = (
  now: number,
  service: string,
  instance: string,
  lives: readonly Life[],
  more: Partial<Row> = {},
): Row => {
  const { lane, boots } = livedAt(now, lives);
  const last = lane.findLast(({ state }) => state !== "gone" && state !== "unknown")!;
  const isDone = lane.at(-1)!.to !== null || lane.at(-1)!.state === "gone" || lane.at(-1)!.state === "unknown";
  // the model has one that wrote its end in the last state
  const state = (isDone && boots[0]!.outcome !== "expired" ? "stopped" : last.state) as Row["state"];
  const kinds = {
    starting: "booting",
    jitter: "booting",
    pinging: "booting",
    registering: "booting",
    stopping: "stopping",
  } as const;
  return {
    ...{ service, instance, name: `${service}:${instance}`, version: last.version, incarnation: 1, boot: boots[0]!.boot },
    kind: isDone
      ? boots[0]!.outcome === "expired"
        ? "expired"
        : boots[0]!.outcome === "failed"
          ? "failed"
          : "ended"
      : (kinds[state as keyof typeof kinds] ?? "living"),
    ...{
      host: `node-${(instance.length * 5) % 4}`,
      pid: 4242,
      startedAt: boots[0]!.startedAt,
      state,
      path: state,
      since: last.from,
    },
    ...{ waits: null, ready: last.ready, reason: "", lease: { state: "held", until: now + 12_000 }, leads: [], failures: [] },
    ...{ end: null, parent: null, lane, boots, phases: [], moments: [] },
    ...more,
  };
};

/** Rows that a test changes, as the feed reads them. */
export class Scene {
  readonly #rows = new Map<string, Row>();
  readonly #changed = new Set<string>();
  readonly #removed = new Set<string>();
  readonly #listeners = new Set<() => void>();
  isCurrent = true;
  isAway = false;

  readonly model = {
    rows: () => [...this.#rows.values()],
    row: (name: string) => this.#rows.get(name),
    changed: () => this.#take(this.#changed).flatMap((name) => this.#rows.get(name) ?? []),
    removed: () => this.#take(this.#removed),
  };

  #take(names: Set<string>): string[] {
    const taken = [...names];
    names.clear();
    return taken;
  }

  now(): number {
    return Date.now();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  put(...rows: readonly Row[]): void {
    for (const row of rows) {
      this.#rows.set(row.name, row);
      this.#changed.add(row.name);
    }
    this.notify();
  }

  remove(name: string): void {
    this.#rows.delete(name);
    this.#removed.add(name);
    this.notify();
  }

  /** Whether Redis can be read. */
  set(isCurrent: boolean): void {
    this.isCurrent = isCurrent;
    this.isAway = !isCurrent;
    this.notify();
  }

  notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

export interface SceneServer {
  readonly url: string;
  readonly feed: FleetFeed;
  readonly port: number;
  put(event: Extract<WireEvent, { type: "overview" | "gateways" }>): void;
  close(): Promise<void>;
}

/** The page of a scene, as the web tier serves it. */
export const serveScene = async (scene: Scene, port = 0): Promise<SceneServer> => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const http = await HttpServer.create({
    host: "127.0.0.1",
    port,
    advice: "",
    signal,
    log: silentLogger,
    headers: () => pageHeaders({ connect: ["ws://127.0.0.1:*"] }),
  });
  const feed = new FleetFeed();
  await servePage(http.app, "tiers/web");
  serveChart(http.app, "lifecycle");
  http.app.get("/api/gateways", () => []);
  addFleetRoutes(http.app, {
    feed,
    row: (name) => scene.model.row(name),
    explain: (row) => explain(row, scene.now()),
    signal,
  });
  feed.follow(scene, signal);
  const address = await http.listen();
  return {
    url: `http://127.0.0.1:${address.port}/`,
    port: address.port,
    feed,
    put: (event) => feed.put(event.type, event),
    close: () => {
      stopping.abort();
      return http.close();
    },
  };
};
