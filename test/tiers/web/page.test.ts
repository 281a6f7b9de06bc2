/** The fleet's page in a real Chromium, over rows that the test makes up: the feed, the routes and the page are the product's. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Row } from "../../../src/instances/row.ts";
import { launchBrowser, openPage } from "../../kit/browser.ts";
import type { SceneServer } from "../../kit/fleet-scene.ts";
import { Scene, sceneRow, serveScene } from "../../kit/fleet-scene.ts";
import { crashLoop, five, gone, many, sceneOverview, thirty, unready } from "../../kit/fleet-scenes.ts";
import { LoopbackProxy } from "../../kit/proxy.ts";
import { eventually } from "../../kit/wait.ts";

const browser = await launchBrowser("the fleet's page: states, conditions, keys, a phone, its accessibility");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const cleanups: (() => unknown)[] = [];
const troubles: { list: string[]; mayLoseConnection: boolean }[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
  for (const { list, mayLoseConnection } of troubles.splice(0))
    expect(list.filter((line) => !(mayLoseConnection && line.includes("Failed to load resource")))).toEqual([]);
});
afterAll(() => browser?.close());

interface Shown {
  readonly page: Page;
  readonly scene: Scene;
  readonly server: SceneServer;
}

const show = async (
  rows: readonly Row[],
  options: BrowserContextOptions & {
    mayLoseConnection?: boolean;
    place?: string;
    scene?: Scene;
    through?: (url: string) => Promise<string>;
  } = {},
): Promise<Shown> => {
  const { mayLoseConnection = false, place = "", scene = new Scene(), through = async (url) => url, ...context } = options;
  scene.put(...rows);
  const server = await serveScene(scene);
  cleanups.push(() => server.close());
  server.put({ type: "overview", overview: sceneOverview });
  const { page, troubles: list } = await openPage(browser!, { reducedMotion: "reduce", ...context });
  cleanups.push(() => page.context().close());
  troubles.push({ list, mayLoseConnection });
  await page.goto(`${await through(server.url)}${place}`);
  if (rows.length > 0) await page.locator("#verdict:visible").waitFor();
  return { page, scene, server };
};

const text = async (page: Page, selector: string): Promise<string> =>
  ((await page.locator(selector).first().textContent()) ?? "").trim();
const row = (name: string): string => `.row[data-name="${name}"]`;
const condition = (page: Page, want: string): Promise<unknown> => page.waitForSelector(`body[data-condition="${want}"]`);
const inState = (instance: string, parts: Parameters<typeof sceneRow>[3][number]["parts"], more: Partial<Row> = {}): Row =>
  sceneRow(Date.now(), "orders", instance, [{ version: "1.0.0", parts }], more);
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const { id, tagName } = document.activeElement as HTMLElement;
    return document.activeElement?.closest("[data-name]")?.getAttribute("data-name") ?? (id || tagName);
  });

type Axe = { run(): Promise<{ violations: { id: string; nodes: { target: string[] }[] }[] }> };
const findings = async (page: Page): Promise<string[]> => {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: Axe }).axe.run());
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
};

describe.runIf(browser !== undefined)("the page of a fleet", () => {
  it("follows a boot in one row that stays, up to all ready", async () => {
    const { page, scene } = await show([inState("orders-1", [["jitter", 10]], { ready: false }), ...five(Date.now())]);
    const element = await page.waitForSelector(row("orders:orders-1"));
    expect(await text(page, "#headline")).toBe("5 of 6 ready");
    for (const state of ["pinging", "starting", "running"] as const) {
      scene.put(
        inState("orders-1", [
          ["jitter", 10],
          [state, 10],
        ]),
      );
      await page.waitForSelector(`${row("orders:orders-1")}[data-state=${state}]`);
    }
    await eventually("the verdict", async () => (await text(page, "#headline")) === "All 6 ready");
    expect(await element.evaluate((node) => node.isConnected)).toBe(true);
    expect(await page.locator("#census button.is-running .n").textContent()).toBe("6");
    expect(await page.locator(`${row("orders:orders-1")} .lane .b`).count()).toBe(2);
  });

  it("names what hangs, what it waits for and what is left", async () => {
    const now = Date.now();
    const waits = { what: "the tier's onStart", until: now + 60_000, totalMs: 600_000 };
    const hung = inState("orders-1", [["starting", 540_000]], { path: "starting.schema", ready: false, waits });
    const { page } = await show([hung, ...five(now)]);
    expect(await text(page, ".need.warn")).toMatch(
      /^orders-1 has been in starting for .*starting › schema waits for the tier's onStart; .* left of 10 min\./,
    );
    expect(await text(page, "#gist")).toContain("orders-1 has been in starting");
  });

  it("shows a running instance that is not ready, with the check that fails and what makes it ready again", async () => {
    const now = Date.now();
    const [first, ...rest] = five(now);
    const { page } = await show([unready(now, first!, 38_000, "Redis is not reachable: no answer, 3 times in a row"), ...rest], {
      place: "#/gateway/gateway",
    });
    expect(await text(page, "#headline")).toBe("4 of 5 ready");
    expect(await text(page, `${row("gateway:gateway")} .st`)).toContain("not ready");
    expect(await page.locator(`${row("gateway:gateway")} .b.unready`).count()).toBe(1);
    await page.locator("#one .checks .no").waitFor();
    expect(await text(page, "#one .checks .no")).toContain("Redis answers it");
    expect(await text(page, "#one .why.bad")).toContain("No: Redis is not reachable");
  });

  it("shows a killed instance as gone, with a cross, and the time of which nothing is known", async () => {
    const now = Date.now();
    const { page } = await show([gone(now, "orders", "orders-1", 60_000), ...five(now)], { place: "#/orders/orders-1" });
    expect(await text(page, `${row("orders:orders-1")} .st`)).toMatch(/^gone\s*wrote no end$/);
    for (const mark of [".b.unknown", ".x"]) expect(await page.locator(`${row("orders:orders-1")} ${mark}`).count()).toBe(1);
    expect(await text(page, ".need.bad")).toMatch(/^orders is down: it is gone since .*Last seen in running\. It wrote no end/);
    await page.locator("#one .last li.error").waitFor();
    expect(await text(page, "#one .checks .unknown")).toContain("15 s");
    expect(await text(page, "#headline")).toBe("5 ready, orders is down");
  });

  it("shows an instance that its parent saw killed in the state in which it was, and no step that it did not reach", async () => {
    const now = Date.now();
    const parts = [["starting", 4000]] as const;
    const end = { mark: "died", outcome: "failed", cause: "killed by SIGKILL" } as const;
    const killed = sceneRow(now, "orders", "orders-1", [{ version: "1.0.0", parts, end }], {
      ...{ kind: "failed", state: "starting", path: "starting.model", ready: false },
      end: { outcome: "failed", reason: "killed by SIGKILL", at: now, steps: {} },
      parent: { exitCode: null, signal: "SIGKILL", nextTryAt: null, tries: 5 },
    });
    const { page } = await show([killed, ...five(now)], { place: "#/orders/orders-1" });
    await page.locator("#one .life").waitFor();
    expect(await page.locator("#one .life").getAttribute("aria-label")).toBe("orders-1: last seen in starting");
    expect(await page.locator("#one .life .step").allTextContents()).toEqual(["● model"]);
    expect(await page.locator("#one .life .ahead").allTextContents()).toContain("stopping");
  });

  it("makes one card of a crash loop of several, with cause and advice", async () => {
    const now = Date.now();
    const { page } = await show([...[1, 2, 3].map((n) => crashLoop(now, "inference", `inference-${n}`)), ...five(now)]);
    expect(await page.locator(".need").count()).toBe(1);
    const words = await text(page, ".need");
    for (const part of [
      "inference-1, inference-2 and 1 more",
      "die in starting, 18 times in all",
      "EACCES",
      "the right to that file",
    ])
      expect(words).toContain(part);
    expect(await page.locator(`${row("inference:inference-2")} .x`).count()).toBe(6);
    expect(await text(page, "#happenings")).toContain("failed in starting");
  });

  it("shows a rollout as a bracket with its count, and a flag on each new release", async () => {
    const { page } = await show(thirty(Date.now()));
    const tier = page.locator(".tier", { has: page.locator("h3", { hasText: "inference" }) });
    expect(await tier.locator(".wave b").textContent()).toBe("rollout 3.1.0: 7 of 12");
    expect(await tier.locator(".flag").count()).toBe(9);
  });

  it("has a cell for each of 500, rows for those that need a look, and a river for each service", async () => {
    const { page, scene } = await show(many(Date.now(), 500));
    expect(await page.locator(".cell").count()).toBe(500);
    expect(await page.locator(".row").count()).toBe(5);
    expect(await page.locator(".river polygon.bad").count()).toBeGreaterThan(0);
    expect(await page.evaluate(() => document.querySelectorAll("*").length)).toBeLessThan(1500);
    await page.locator(".cell").first().focus();
    await page.keyboard.press("ArrowRight");
    expect(await focused(page)).toBe("inference:inference-2");
    scene.put(unready(Date.now(), scene.model.row("inference:inference-2")!, 1000, "event loop blocked for 4000 ms"));
    await page.waitForSelector(row("inference:inference-2"));
    expect(await focused(page)).toBe("inference:inference-2");
    await page.click("#census button.is-starting");
    await eventually("the filter", async () => (await page.locator(".cell, .row").count()) === 2);
    expect(await text(page, "#filtered")).toContain("2 in starting");
  });

  it("puts off one drawing at a time while 500 change, and then has a row for one that needs a look", async () => {
    const rows = many(Date.now(), 500).filter(({ kind, ready }) => kind === "living" && ready === true);
    const scene = new Scene();
    const { page } = await show([], { scene });
    await page.evaluate(() => {
      const counts = { pending: 0, most: 0 };
      const { setTimeout } = globalThis;
      const counted = (run: () => void, ms?: number) => {
        if (ms !== 500) return setTimeout(run, ms);
        counts.pending += 1;
        counts.most = Math.max(counts.most, counts.pending);
        return setTimeout(() => {
          counts.pending -= 1;
          run();
        }, ms);
      };
      Object.assign(globalThis, { counts, setTimeout: counted });
    });
    scene.put(...rows);
    const name = (at: number) => rows[at]!.name;
    const cell = (at: number) => page.locator(`.cell[data-name="${name(at)}"]`);
    for (let at = 0; at < 8; at += 1) await cell(at).waitFor();
    // while its clock stands the page draws the whole at most once, however slow this machine is
    await page.evaluate(() => {
      const now = performance.now();
      Object.assign(performance, { now: () => now });
    });
    for (let at = 0; at < 8; at += 1) {
      scene.put(unready(Date.now(), rows[at]!, 1000, "Redis is not reachable"));
      await page.locator(`.cell[data-name="${name(at)}"][aria-label$="not ready"]`).waitFor();
    }
    expect(await page.evaluate(() => (globalThis as unknown as { counts: { most: number } }).counts.most)).toBe(1);
    await page.evaluate(() => Reflect.deleteProperty(performance, "now"));
    for (let at = 0; at < 8; at += 1) await page.locator(row(name(at))).waitFor();
    scene.put(rows[0]!);
    await page.locator(row(name(0))).waitFor({ state: "detached" });
    expect(await page.evaluate(() => (globalThis as unknown as { counts: { most: number } }).counts.most)).toBe(1);
  });

  it("shows every text of an instance as text, whatever it is", async () => {
    const evil = `"><img src=x onerror=alert(1)><script>alert(2)</script>\u202e`;
    const now = Date.now();
    const failure = { phase: evil, code: evil, message: evil };
    const rows = [
      inState("orders-1", [["running", 1000]], {
        ...{ version: evil, host: evil, path: `running.${evil}`, reason: evil, ready: false, leads: [evil], failures: [failure] },
        ...{ waits: { what: evil, until: now + 1, totalMs: 2000 }, moments: [{ at: now, text: evil, level: "error" }] },
        parent: { exitCode: null, signal: evil, nextTryAt: null, tries: 1 },
      }),
      sceneRow(
        now,
        evil,
        evil,
        [{ version: evil, parts: [["starting", 1000]], end: { mark: "died", outcome: "failed", cause: evil } }],
        {
          end: { outcome: evil, reason: evil, at: now, steps: { [evil]: 1 } },
          failures: [failure],
        },
      ),
    ];
    const { page, server } = await show(rows, { place: "#/orders/orders-1" });
    server.put({
      type: "overview",
      overview: { ...sceneOverview, deadLetters: { count: 1, newest: [{ id: evil, stream: evil, attempts: 1, reason: evil }] } },
    });
    await page.locator("#one .last li.error").waitFor();
    await page.getByText("onerror").first().waitFor();
    await page.goto(`${page.url().split("#")[0]}#/${encodeURIComponent(evil)}/${encodeURIComponent(evil)}`);
    await eventually("the other one", async () => (await text(page, "#one h2")).includes("onerror"));
    expect(await page.locator("img, main script, aside script").count()).toBe(0);
  });
});

describe.runIf(browser !== undefined)("the page's own conditions", () => {
  it("are loading, and empty with two commands once nothing is registered", async () => {
    const { page, scene } = await show([]);
    await page.locator("#empty:visible").waitFor();
    expect(await text(page, "#empty-how")).toMatch(/npx stargazer run .*\nnpx stargazer up/);
    scene.put(...five(Date.now()));
    await page.locator("#verdict:visible").waitFor();
    expect(await page.locator("#empty, .loading").filter({ visible: true }).count()).toBe(0);
  });

  it("with Redis away from the beginning nothing is known, with the cause, until Redis answers", async () => {
    const scene = new Scene();
    scene.set(false);
    const { page } = await show([], { scene });
    await page.locator("#unknown:visible").waitFor();
    expect(await text(page, "#unknown")).toMatch(
      /^Nothing is known of the fleet yet\s+Redis has not answered .* since \d\d:\d\d:\d\d/,
    );
    expect(await text(page, "#live")).toBe("not known");
    expect(await page.locator("#loading, #empty, #verdict").filter({ visible: true }).count()).toBe(0);
    scene.put(...five(Date.now()));
    scene.set(true);
    await page.locator("#verdict:visible").waitFor();
    expect(await page.locator("#unknown, #banner").filter({ visible: true }).count()).toBe(0);
  });

  it("while its server reads Redis for the first time it is loading, with nothing claimed", async () => {
    const scene = new Scene();
    scene.isCurrent = false;
    const { page, server } = await show([], { scene });
    expect(server.feed.condition).toContain(`"isCurrent":false,"isKnown":false,"awaySince":0`);
    expect(await page.locator(".loading").filter({ visible: true }).count()).toBe(2);
    expect([await text(page, "#live-text"), await page.locator("#banner").isVisible()]).toEqual(["connecting", false]);
    scene.set(true);
    await page.locator("#empty:visible").waitFor();
  });

  it("with Redis away nothing is in the present tense and the clocks stand still, until it answers", async () => {
    const { page, scene, server } = await show(thirty(Date.now()), { place: "#/inference/inference-4" });
    await page.locator("#one .last").waitFor();
    server.feed.explain("Redis does not answer.");
    scene.set(false);
    await condition(page, "redis");
    await eventually("the headline", async () => /^25 of 29 were ready, .* ago$/.test(await text(page, "#headline")));
    const ages = () => page.locator(".row time, #ticks").allTextContents();
    const [before, old] = [await ages(), await text(page, "#live-text")];
    await eventually("that it is older", async () => (await text(page, "#live-text")) !== old);
    expect(await ages()).toEqual(before);
    expect(await text(page, "#banner")).toContain("Redis does not answer. Services go on without it.");
    expect(await text(page, "#one h3")).toBe("Took traffic?");
    // what happened is in the past tense at all times, what was written by an instance is its own words
    const parts = await Promise.all(["#gist", "#cards", "#tiers", "#one .checks", "#one .now"].map((part) => text(page, part)));
    const shown = parts.join(" ");
    expect(shown.match(/\b(?:is|are|has|dies|die|waits|now|needs|stands|answers|turns|pass)\b/g)).toEqual(
      shown.match(/\bis(?= not reachable)/g),
    );
    scene.set(true);
    await condition(page, "live");
    await eventually("the present", async () => (await text(page, "#headline")) === "25 of 29 ready");
    expect(await page.locator("#banner").isVisible()).toBe(false);
  });

  it("with its server away it is red and holds the last picture, then goes on without a gap and with the same rows", async () => {
    let proxy: LoopbackProxy | undefined;
    const through = async (url: string) => {
      proxy = await LoopbackProxy.start(Number(new URL(url).port));
      cleanups.push(() => proxy!.stop());
      return proxy.through(url);
    };
    const { page, scene } = await show(five(Date.now()), { mayLoseConnection: true, through });
    const element = await page.waitForSelector(row("web:web"));
    const asked: string[] = [];
    page.on("response", (response) => {
      const after = new URL(response.url()).searchParams.get("after");
      if (after !== null) asked.push(after);
    });
    await proxy!.refuse();
    await condition(page, "server");
    expect(await text(page, "#banner.bad")).toContain("does not answer");
    expect(await text(page, "#headline")).toMatch(/^All 5 were ready/);
    scene.put(inState("orders-1", [["running", 1000]]));
    scene.remove("agents:agents");
    await proxy!.accept();
    await condition(page, "live");
    await page.waitForSelector(row("orders:orders-1"));
    await page.waitForSelector(row("agents:agents"), { state: "detached" });
    expect(await element.evaluate((node) => node.isConnected)).toBe(true);
    expect(asked).toEqual(asked.map(() => expect.stringMatching(/^[\da-f]{16}-\d+$/)));
  });
});

describe.runIf(browser !== undefined)("the page's form", () => {
  it("works by keys, and moves no focus by itself", async () => {
    const { page, scene } = await show(five(Date.now()));
    expect(await focused(page)).toBe("BODY");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    expect(await focused(page)).toBe("consolidation:consolidation");
    await page.keyboard.press("k");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.locator("#one h2").waitFor();
    expect(page.url()).toContain("#/consolidation/consolidation");
    expect(await focused(page)).toBe("consolidation:consolidation");
    scene.put(inState("orders-1", [["running", 1000]]));
    await page.waitForSelector(row("orders:orders-1"));
    expect(await focused(page)).toBe("consolidation:consolidation");
    await page.focus("#tab-one");
    await page.keyboard.press("Escape");
    expect([await focused(page), new URL(page.url()).hash]).toEqual(["consolidation:consolidation", ""]);
    await page.keyboard.press("/");
    expect(await focused(page)).toBe("find");
    await page.keyboard.type("orders");
    await eventually("the filter", async () => (await page.locator(".row").count()) === 1);
    await page.keyboard.press("Escape");
    await page.keyboard.press("c");
    expect(await page.locator("#chat").isVisible()).toBe(true);
  });

  it("fits a phone: the lane of each row is in sight, and one instance is a sheet", async () => {
    const { page } = await show(thirty(Date.now()), { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    const overflow = () => page.evaluate(() => document.documentElement.scrollWidth);
    expect(await overflow()).toBeLessThanOrEqual(390);
    await page.locator(row("inference:inference-4")).scrollIntoViewIfNeeded();
    const lane = (await page.locator(`${row("inference:inference-4")} .lane`).boundingBox())!;
    expect([lane.x >= 0, lane.x + lane.width <= 390]).toEqual([true, true]);
    expect(await page.locator("#rail").isVisible()).toBe(false);
    await page.locator(`${row("inference:inference-4")} .who`).tap();
    await page.locator("#one .last").waitFor();
    expect(await overflow()).toBeLessThanOrEqual(390);
    await page.click("#to-fleet");
    expect(await page.locator("#rail").isVisible()).toBe(false);
    await page.click("#to-chat");
    expect(await page.locator("#chat").isVisible()).toBe(true);
  });

  it.each([
    { look: "light", options: {} },
    { look: "dark", options: { colorScheme: "dark" } },
    { look: "phone", options: { viewport: { width: 390, height: 844 } } },
  ] as const)("has no accessibility finding: $look, with an instance open", async ({ options }) => {
    const { page } = await show(thirty(Date.now()), { ...options, place: "#/consolidation/consolidation-2" });
    await page.locator("#one .last").waitFor();
    expect(await findings(page)).toEqual([]);
  });

  it("has no accessibility finding with Redis away, nor with many", async () => {
    const { page, scene } = await show(many(Date.now(), 100));
    await page.waitForSelector(".cell");
    expect(await findings(page)).toEqual([]);
    scene.set(false);
    await condition(page, "redis");
    expect(await findings(page)).toEqual([]);
  });
});
