/** Hundreds of instances on the fleet's page, in a real Chromium: what a change of one of them costs. */
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Row } from "../../../src/instances/row.ts";
import { launchBrowser, openPage } from "../../kit/browser.ts";
import { Scene, serveScene } from "../../kit/fleet-scene.ts";
import { many, unready } from "../../kit/fleet-scenes.ts";
import { eventually } from "../../kit/wait.ts";

const browser = await launchBrowser("hundreds of instances on the fleet's page");
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});
afterAll(() => browser?.close());

const show = async (rows: readonly Row[]) => {
  const scene = new Scene();
  scene.put(...rows);
  const server = await serveScene(scene);
  cleanups.push(() => server.close());
  const { page, troubles } = await openPage(browser!, { reducedMotion: "reduce" });
  cleanups.push(() => page.context().close());
  cleanups.push(() => expect(troubles).toEqual([]));
  // the deck begins its lanes anew with each layout
  await page.addInitScript(() => {
    const counts = { layouts: 0 };
    const { setProperty } = CSSStyleDeclaration.prototype;
    CSSStyleDeclaration.prototype.setProperty = function (name, value, ...rest) {
      if (name === "--moved" && value === "0") counts.layouts += 1;
      return setProperty.call(this, name, value, ...rest);
    };
    Object.assign(globalThis, { counts });
  });
  await page.goto(server.url);
  await page.locator("#verdict:visible").waitFor();
  await page
    .locator(".cell")
    .nth(rows.length - 1)
    .waitFor();
  const layouts = () => page.evaluate(() => (globalThis as unknown as { counts: { layouts: number } }).counts.layouts);
  return { page, scene, layouts };
};

describe.skipIf(browser === undefined)("of hundreds of instances", () => {
  it("no cell is a layer of its own, in any of its looks", async () => {
    const { page } = await show(many(Date.now(), 500));
    const looks = await page.locator(".cell").evaluateAll((cells) => {
      const found = new Map<string, string>();
      for (const cell of cells) {
        const { opacity, contain, transform, willChange } = getComputedStyle(cell);
        found.set(cell.className, [opacity, contain, transform, willChange].join(" "));
      }
      return [...found];
    });
    expect(looks.length).toBeGreaterThan(3);
    expect(looks.filter(([, style]) => style !== "1 none none auto")).toEqual([]);
  });

  it("no label lies on another one, and the chat is in sight, also with Redis away", async () => {
    const { page, scene } = await show(many(Date.now(), 500));
    const shown = (selector: string) =>
      page.locator(selector).evaluateAll((labels) =>
        labels.flatMap((label) => {
          const { left, right, top, bottom } = label.getBoundingClientRect();
          const isShown = label.textContent !== "" && label.checkVisibility({ visibilityProperty: true });
          return isShown ? [{ text: label.textContent, left, right, top, bottom }] : [];
        }),
      );
    const overlaps = async (selector: string) => {
      const labels = await shown(selector);
      expect(labels.length).toBeGreaterThan(3);
      const pairs = labels.flatMap((a, at) => labels.slice(at + 1).map((b) => [a, b] as const));
      const isOver = ([a, b]: (typeof pairs)[number]) =>
        a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
      return pairs.filter(isOver).map(([a, b]) => `${a.text} | ${b.text}`);
    };
    const labels = "#ticks span, .flow b, .flow span";
    for (const ms of ["600000", "120000"]) {
      await page.click(`#windows [data-ms="${ms}"]`);
      expect(await overlaps(labels)).toEqual([]);
    }
    scene.set(false);
    await page.waitForSelector('body[data-condition="redis"]');
    for (const ms of ["120000", "600000"]) {
      await page.click(`#windows [data-ms="${ms}"]`);
      expect(await overlaps(labels)).toEqual([]);
    }
    const bottom = await page.locator("#send, #text").evaluateAll((all) => all.map((one) => one.getBoundingClientRect().bottom));
    expect(bottom.filter((at) => at > 900)).toEqual([]);
  });

  it("one that needs a look beyond the forty rows of its service lays out nothing anew when it changes", async () => {
    const now = Date.now();
    const rows = many(now, 500).map((row) => (row.service === "inference" ? unready(now, row, 1000, "no answer") : row));
    const own = rows.filter(({ service }) => service === "inference");
    const other = rows.find(({ service, kind, ready }) => service === "agents" && kind === "living" && ready === true)!;
    expect(own.length).toBeGreaterThan(41);
    const { page, scene, layouts } = await show(rows);
    expect(await page.locator('.row[data-service="inference"]').count()).toBe(40);
    const healthy = page.locator("#census button.is-healthy .n");
    const [before, shown] = [await layouts(), Number(await healthy.textContent())];
    scene.put({ ...own.at(-1)!, reason: "no answer, again" }, { ...other, state: "healthy", path: "healthy.ready" });
    // the summary is drawn with or after the layout
    await eventually("the summary", async () => Number(await healthy.textContent()) === shown + 1);
    expect(await layouts()).toBe(before);
  });
});
