/** One instance in the rail of the fleet's page, in a real Chromium: the whole chart, the waterfall of its boot, and what it never reached. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Row } from "../../../src/instances/row.ts";
import { launchBrowser, openPage } from "../../kit/browser.ts";
import { Scene, serveScene } from "../../kit/fleet-scene.ts";
import { crashLoop, gone, many, thirty } from "../../kit/fleet-scenes.ts";
import { eventually } from "../../kit/wait.ts";

const browser = await launchBrowser("one instance on the fleet's page: its whole chart, its boot, its last state");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const cleanups: (() => unknown)[] = [];
const troubles: string[][] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
  for (const list of troubles.splice(0)) expect(list).toEqual([]);
});
afterAll(() => browser?.close());

const show = async (rows: readonly Row[], place = "", options: Parameters<typeof openPage>[1] = {}) => {
  const scene = new Scene();
  scene.put(...rows);
  const server = await serveScene(scene);
  cleanups.push(() => server.close());
  const { page, troubles: list } = await openPage(browser!, { reducedMotion: "reduce", ...options });
  cleanups.push(() => page.context().close());
  troubles.push(list);
  await page.goto(`${server.url}${place}`);
  await page.locator("#verdict:visible").waitFor();
  if (place !== "") await page.locator("#one .life").waitFor();
  return { page, scene };
};

const hasFocus = (page: Page, id: string) =>
  eventually(`the focus on ${id}`, () => page.evaluate((wanted) => document.activeElement?.id === wanted, id));
/** The names of the boxes of the folded chart that are drawn as reached. */
const reached = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll("#one .life > rect[rx='7']")].flatMap((box) => {
      const name = box.nextElementSibling?.textContent ?? "";
      return box.hasAttribute("stroke-dasharray") ? [] : [name];
    }),
  );

describe.skipIf(browser === undefined)("the whole chart", () => {
  it("opens by the keyboard with the present state lit, and Escape closes it alone and gives the focus back", async () => {
    const { page } = await show(thirty(Date.now()), "#/agents/agents-2");
    await page.locator("#whole-open").focus();
    await page.keyboard.press("Enter");
    await page.locator("#whole .sg-chart").waitFor();
    expect(await page.locator("#whole-title").textContent()).toBe("agents-2 on the whole chart");
    const sizes = await page
      .locator("#whole tspan")
      .evaluateAll(
        (words) =>
          words.filter((word) => getComputedStyle(word).fontSize !== getComputedStyle(word.parentElement!).fontSize).length,
      );
    expect(sizes).toBe(0);
    const lit = page.locator('#whole .state.active[data-state="lifecycle.stopping.unwinding"]');
    await lit.waitFor();
    expect(await lit.count()).toBe(1);
    expect(await page.evaluate(() => document.getElementById("whole")!.contains(document.activeElement))).toBe(true);
    await page.keyboard.press("c");
    expect(await page.locator("#whole").evaluate((dialog) => (dialog as HTMLDialogElement).open)).toBe(true);
    await page.keyboard.press("Escape");
    await page.locator("#whole").waitFor({ state: "hidden" });
    expect(await page.locator("#one").isVisible()).toBe(true);
    await hasFocus(page, "whole-open");
  });

  it("follows the instance while it is open, and closes by its button", async () => {
    const rows = thirty(Date.now());
    const { page, scene } = await show(rows, "#/agents/agents-2");
    await page.locator("#whole-open").click();
    await page.locator("#whole .state.active").first().waitFor();
    const row = rows.find(({ instance }) => instance === "agents-2")!;
    scene.put({ ...row, path: "stopping.releasing", since: Date.now() });
    await page.locator('#whole .state.active[data-state="lifecycle.stopping.releasing"]').waitFor();
    await page.locator("#whole-close").click();
    await hasFocus(page, "whole-open");
  });

  it.each([
    { colorScheme: "light" as const, viewport: { width: 1280, height: 900 } },
    { colorScheme: "dark" as const, viewport: { width: 390, height: 844 } },
  ])("has no accessibility finding ($colorScheme, $viewport.width px)", async (options) => {
    const { page } = await show(thirty(Date.now()), "#/agents/agents-2", options);
    await page.locator("#whole-open").click();
    await page.locator("#whole .sg-chart").waitFor();
    await page.evaluate(axe);
    const found = await page.evaluate(async () => {
      const { violations } = await (
        globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string }[] }> } }
      ).axe.run();
      return violations.map(({ id }) => id);
    });
    expect(found).toEqual([]);
    const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(inner).toBe(outer);
  });
});

describe.skipIf(browser === undefined)("the boot of an instance", () => {
  const lines = (page: Page, nth: number): Promise<string[]> =>
    page.locator("#one ol.phases").nth(nth).locator("li b").allTextContents();

  it("is a waterfall of its phases, with those of its own below their state, and of its stop, which names its boot", async () => {
    const { page } = await show(thirty(Date.now()), "#/agents/agents-2");
    await page.locator("#one ol.phases").first().waitFor();
    expect(await lines(page, 0)).toEqual(["jitter", "pinging", "starting", "tools", "model", "registering", "healthy"]);
    expect(await lines(page, 1)).toEqual(["announcing", "draining", "unwinding"]);
    expect(await page.locator("#one h3", { hasText: /^The stop of the boot of \d\d:\d\d:\d\d/ }).count()).toBe(1);
    expect(await page.locator("#one ol.phases li.open").textContent()).toMatch(/^unwindingso far /);
  });

  it("that is under way has the present state and its phase open", async () => {
    const { page } = await show([crashLoop(Date.now(), "inference", "inference-4")], "#/inference/inference-4");
    await page.locator("#one ol.phases").first().waitFor();
    expect(await lines(page, 0)).toEqual(["jitter", "pinging", "starting", "tools", "model.load"]);
    expect(await page.locator("#one ol.phases li.open b").allTextContents()).toEqual(["starting", "model.load"]);
    expect(await page.locator("#one .life").textContent()).toContain("✓ tools");
  });
});

describe.skipIf(browser === undefined)("an instance that died", () => {
  it("shows as reached what it was in, also before the hour that its lane has, and nothing beyond", async () => {
    const { page } = await show([gone(Date.now(), "orders", "orders-1", 60_000)], "#/orders/orders-1");
    expect(await reached(page)).toEqual(["init", "jitter", "pinging", "starting", "registering", "healthy"]);
    expect(await page.locator("#one .life").textContent()).toContain("last seen here");
  });

  it("has its last moment in sight, below those before it", async () => {
    const at = Date.now() - 60_000;
    const moments = Array.from({ length: 30 }, (_, n) => ({ at, text: `step ${n}`, level: "info" as const }));
    const { page } = await show([{ ...gone(Date.now(), "orders", "orders-1", 60_000), moments }], "#/orders/orders-1");
    const isInSight = (text: string) =>
      page.locator("#one .last li", { hasText: text }).evaluate((item) => {
        const [own, list] = [item.getBoundingClientRect(), item.parentElement!.getBoundingClientRect()];
        return own.top >= list.top && own.bottom <= list.bottom;
      });
    await eventually("the last moment", () => isInSight("step 29"));
    expect(await isInSight("step 10")).toBe(false);
  });

  it("again and again has a red cell among many", async () => {
    const { page } = await show(many(Date.now(), 100).concat(crashLoop(Date.now(), "inference", "inference-99")));
    const cell = page.locator('.cell[data-name="inference:inference-99"]');
    await eventually("the cell", async () => (await cell.count()) === 1);
    expect(await cell.getAttribute("class")).toContain("is-bad");
  });
});
