/** What a writer of entries and journal messages can do to the page: nothing it writes widens the page, reorders words or hides others. */
import { afterAll, expect, it } from "vitest";
import type { Row } from "../../../src/instances/row.ts";
import { happeningsOf } from "../../../src/tiers/web/page/happenings.js";
import { pageStates } from "../../../src/tiers/web/page-states.ts";
import { timesOf } from "../../../src/tiers/web/times.ts";
import { wireInstance, wireRow } from "../../../src/tiers/web/wire-row.ts";
import { launchBrowser, openPage } from "../../kit/browser.ts";
import { Scene, sceneRow, serveScene } from "../../kit/fleet-scene.ts";
import { five, sceneOverview } from "../../kit/fleet-scenes.ts";
import { eventually } from "../../kit/wait.ts";

const browser = await launchBrowser("what hostile writers can do to the fleet's page");
afterAll(() => browser?.close());

const long = "\u202eX".repeat(2048);
const now = Date.now();
const states = new Map<string, (typeof pageStates)[number]>(pageStates.map((state) => [state.name, state]));

/** A row whose every text is 4 KB without a space, with marks that reorder what follows. */
const evil = (service: string, instance: string, more: Partial<Row> = {}): Row => {
  const failure = { phase: long, code: long, message: long };
  const row = sceneRow(now, service, instance, [
    { version: long, parts: [["starting", 1000]], end: { mark: "died", outcome: "failed", cause: long, pauseMs: 1000 } },
    { version: `${long}2`, parts: [["running", 5000]] },
  ]);
  return {
    ...row,
    ...{ host: long, path: `running.${long}`, reason: long, ready: false, leads: Array(40).fill(long), failures: [failure] },
    ...{ waits: { what: long, until: now + 1, totalMs: 2000 }, parent: { exitCode: 1, signal: long, nextTryAt: null, tries: 1 } },
    moments: [{ at: now, text: long, level: "error" }],
    ...more,
  };
};

it("is bounded and without reordering marks, on the stream and in the answer of one instance", () => {
  const row = evil("orders", "orders-1");
  for (const json of [JSON.stringify(wireRow(row)), JSON.stringify(wireInstance(row, long))]) {
    expect(json).not.toMatch(/\\u202e|\u202e/);
    expect(json.length).toBeLessThan(16_384);
  }
});

it("in releases without number leaves room for those of other services", () => {
  const boot = (version: string, at: number) => ({
    ...{
      boot: String(at),
      version,
      startedAt: at,
      readyAt: at + 1,
      endedAt: null,
      stopMs: null,
      outcome: "",
      cause: "",
      code: "",
    },
  });
  const fakes = Array.from({ length: 1000 }, (_, n) =>
    sceneRow(now, "aaa", `aaa-${n}`, [{ version: `${n}`, parts: [["running", 10]] }], { boots: [boot(`${n}`, n)] }),
  );
  const shown = timesOf([...fakes, ...five(now)]);
  expect(shown.filter(({ service }) => service === "aaa").map(({ version }) => version)).toEqual(["999", "998", "997", "996"]);
  expect(new Set(shown.map(({ service }) => service)).size).toBe(6);
});

it("in a burst of one service leaves half of what happened to the others", () => {
  const boots = Array.from({ length: 50 }, (_, n) => ({
    version: String(n),
    parts: [["starting", 60]] as const,
    end: { mark: "ended", outcome: "shutdown", pauseMs: 20_000 } as const,
  }));
  const fakes = Array.from({ length: 100 }, (_, n) => wireRow(sceneRow(now, "aaa", `aaa-${n}`, boots)));
  const real = five(now).map(wireRow);
  const all = happeningsOf([...fakes, ...real], { since: now - 3_600_000, count: 14, stateOf: (name) => states.get(name) });
  const names = all.flatMap((one) => one.names);
  for (const { name } of real) expect(names).toContain(name);
  expect(all.map(({ at }) => at)).toEqual(all.map(({ at }) => at).sort((a, b) => b - a));
});

it.runIf(browser !== undefined)("widens neither page nor rail, and every card can be shown", async () => {
  const scene = new Scene();
  const fakes = Array.from({ length: 30 }, (_, n) => evil(`fake-${n}`, `fake-${n}`));
  scene.put(...fakes, ...five(now));
  const server = await serveScene(scene);
  server.put({ type: "overview", overview: sceneOverview });
  const { page, troubles } = await openPage(browser!, { reducedMotion: "reduce", viewport: { width: 390, height: 844 } });
  try {
    await page.goto(`${server.url}#/fake-3/fake-3`);
    await page.locator("#one .last li").first().waitFor();
    const tooWide = () =>
      page.evaluate(() => [
        document.documentElement.scrollWidth > innerWidth,
        document.getElementById("one")!.scrollWidth > document.getElementById("one")!.clientWidth,
      ]);
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      await eventually("the layout", () => page.evaluate((to) => innerWidth === to, width));
      expect(await tooWide()).toEqual([false, false]);
    }
    expect(await page.locator(".need").count()).toBe(8);
    await page.click("#more-cards");
    await eventually("every card", async () => (await page.locator(".need").count()) >= 30);
    expect(await page.locator("#more-cards").getAttribute("aria-expanded")).toBe("true");
    expect(troubles).toEqual([]);
  } finally {
    await page.context().close();
    await server.close();
  }
});
