/** F52: the web tier with fleets that are large, and with readers that are slow or come back. */
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/logger.ts";
import { registryKeys } from "../../src/registry/keys.ts";
import { FleetLog, LogReader } from "../../src/tiers/web/fleet-log.ts";
import { WebService } from "../../src/tiers/web/web.ts";
import { launchBrowser, openPage } from "../kit/browser.ts";
import { deadlines } from "../kit/deadlines.ts";
import type { SentEvent } from "../kit/event-stream.ts";
import { EventReader } from "../kit/event-stream.ts";
import { withPatience } from "../kit/patience.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { seedFleet } from "../kit/seeded-fleet.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let browser: Browser | undefined;
const ending: (() => unknown)[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
  browser = await launchBrowser("a large fleet on the web tier's page");
});
afterAll(async () => {
  await browser?.close();
  await redis.stop();
});
beforeEach(() => redis.witness.flushall());
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** The address of a web tier that runs. */
const startWeb = async (): Promise<string> => {
  const options = withPatience({ redis: redis.url, useHealthServer: false, jitterMaxMs: 0, logger: silentLogger });
  const service = new WebService({ ...options, port: 0 });
  ending.push(() => service.shutdown());
  await service.boot();
  void service.runToCompletion();
  await service.waitFor("running");
  return `http://127.0.0.1:${service.http!.port}`;
};
const follow = async (url: string, lastEventId?: string): Promise<EventReader> => {
  const headers = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  const reader = await EventReader.open(`${url}/api/fleet/events`, headers);
  ending.push(() => reader.close());
  return reader;
};
/** Of the fleet that was seeded; the row of the web tier itself may change at any time. */
const instances = (reader: EventReader): string[] =>
  reader.events.flatMap(({ data }) => (data.type === "row" && data.row.service === "seeded" ? [data.row.instance] : []));
const isSynced = ({ events }: EventReader): boolean => events.some(({ data }) => data.type === "condition" && data.isCurrent);

describe("F52: the stream of the fleet", () => {
  it("reaches a reader that takes nothing for a while in full, with each entry once", async () => {
    await seedFleet(redis.witness, { count: 400, metadataBytes: 4096 });
    const url = await startWeb();
    const witness = await follow(url);
    await eventually("the fleet", () => isSynced(witness));
    const slow = await follow(url);
    slow.response.pause();
    await eventually("the pieces that fit into its connection", () => slow.response.readableLength > 0);
    slow.response.resume();
    await eventually("the fleet", () => isSynced(slow));
    const seeded = instances(slow).filter((instance) => instance.startsWith("seeded"));
    expect([seeded.length, new Set(seeded).size, slow.isEnded]).toEqual([400, 400, false]);
  });

  it("goes on behind the event that a reader had, and names what has gone since", async () => {
    await seedFleet(redis.witness, { count: 30 });
    const url = await startWeb();
    const first = await follow(url);
    await eventually("the fleet", () => isSynced(first));
    const before = first.events.findLast(({ id }) => id !== undefined)!.id!;
    first.close();
    const [keys, [, gone]] = [registryKeys({ isCluster: false }), instances(first)];
    await redis.witness.del(keys.service("seeded", gone!));
    await redis.witness.zadd(keys.index("seeded"), 1, gone!);
    const witness = await follow(url);
    const isExpired = ({ data }: SentEvent) => data.type === "row" && data.row.kind === "expired";
    await witness.until("its expiry", isExpired);
    const again = await follow(url, before);
    const expired = await again.until("its expiry", isExpired);
    expect(expired.data.row.instance).toBe(gone);
    expect(again.events.map(({ data }) => data.type)).not.toContain("reset");
    expect(new Set(instances(again))).toEqual(new Set([gone]));
  });

  it.each(["nonsense", "0011223344556677-3", "x".repeat(4000)])("begins anew for a reader with the id %s", async (id) => {
    const url = await startWeb();
    const reader = await follow(url, id);
    await eventually("the fleet", () => isSynced(reader));
    expect(reader.events[0]!.data.type).toBe("reset");
  });
});

describe("the log of a fleet", () => {
  const readAll = (reader: LogReader) => [...reader.next(1e9).matchAll(/"at":(\d+)/g)].map(([, at]) => Number(at));
  const put = (log: FleetLog, name: string, at: number, isGone = false) => log.put(name, { at }, { isGone });

  it("has the last event of each name, in order, also for a reader that is on its way", () => {
    const log = new FleetLog();
    for (const at of [1, 2, 3]) put(log, `svc:${at}`, at);
    const reader = new LogReader(log, undefined);
    expect(reader.next(1)).toContain('"at":1');
    put(log, "svc:1", 4);
    put(log, "svc:2", 5);
    expect(readAll(reader)).toEqual([3, 4, 5]);
    expect(readAll(reader)).toEqual([]);
    put(log, "svc:3", 6);
    expect(readAll(reader)).toEqual([6]);
  });

  it("keeps the last 1000 that are gone; a reader that missed an older one is lost", () => {
    const log = new FleetLog();
    put(log, "svc:here", 1);
    const [early, late] = [new LogReader(log, undefined), new LogReader(log, undefined)];
    readAll(early);
    for (let at = 2; at <= 1001; at += 1) put(log, `svc:${at}`, at, true);
    readAll(late);
    expect([early.isLost, late.isLost]).toEqual([false, false]);
    put(log, "svc:1002", 1002, true);
    expect([early.isLost, late.isLost]).toEqual([true, false]);
    expect(readAll(new LogReader(log, undefined))).toEqual([1]);
    expect([...log.items()]).toHaveLength(1001);
  });

  it("resumes no reader behind its end, nor one of another log", () => {
    const log = new FleetLog();
    put(log, "svc:a", 1);
    const id = `${log.epoch}-1`;
    expect(new LogReader(log, id).isResumed).toBe(true);
    expect(new LogReader(log, `${log.epoch}-2`).isResumed).toBe(false);
    const other = new FleetLog();
    put(other, "svc:a", 1);
    expect(new LogReader(other, id).isResumed).toBe(false);
  });
});

describe("F52: the page", () => {
  it.each([
    { count: 10_000, metadataBytes: 2 },
    { count: 400, metadataBytes: 4096 },
  ])("shows a fleet of %j in one connection, each instance in a row that stays", async (fleet) => {
    if (browser === undefined) return;
    await seedFleet(redis.witness, fleet);
    const url = await startWeb();
    const { page, troubles } = await openPage(browser);
    ending.push(() => page.context().close());
    let connections = 0;
    page.on("request", (request) => {
      if (request.url().includes("/api/fleet/events")) connections += 1;
    });
    await page.goto(url);
    const options = { timeout: deadlines.test };
    await page.waitForFunction((cells) => document.querySelectorAll(".cell").length === cells, fleet.count + 1, options);
    const first = await page.$('.cell[data-name^="seeded:"]');
    const [, instance] = (await first!.getAttribute("data-name"))!.split(":");
    const keys = registryKeys({ isCluster: false });
    await redis.witness.del(keys.service("seeded", instance!));
    await redis.witness.zadd(keys.index("seeded"), 1, instance!);
    await page.waitForSelector(`.cell.gone[data-name="seeded:${instance}"]`, options);
    expect(await first!.evaluate((cell) => [cell.isConnected, cell.classList.contains("gone")])).toEqual([true, true]);
    expect([connections, troubles]).toEqual([1, []]);
  });
});
