/** The fleet's page in a real Chromium over a real Redis that ends and comes back: nothing that is old is shown as if it were so now. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../../src/logger.ts";
import type { EmbeddedRedis } from "../../../src/redis/embedded/server.ts";
import { startEmbeddedRedis } from "../../../src/redis/embedded/server.ts";
import { WebService } from "../../../src/tiers/web/web.ts";
import { launchBrowser, openPage } from "../../kit/browser.ts";
import { hourMs } from "../../kit/hours.ts";
import { withPatience } from "../../kit/patience.ts";
import { TestTier } from "../../kit/tier.ts";
import { eventually } from "../../kit/wait.ts";

const browser = await launchBrowser("the fleet's page while its Redis is away");
let redis: EmbeddedRedis;
const cleanups: (() => unknown)[] = [];
beforeEach(async () => {
  redis = await startEmbeddedRedis({ port: 0 });
  cleanups.push(() => redis.stop());
});
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});
afterAll(() => browser?.close());

/** The address of a web tier that runs, beside another service. */
const startFleet = async (): Promise<string> => {
  // an empty Redis has the entries again with the next beats
  const lease = { heartbeatMs: 200, leaseTtlMs: hourMs };
  const options = withPatience({ redis: redis.url, useHealthServer: false, jitterMaxMs: 0, logger: silentLogger, ...lease });
  const web = new WebService({ ...options, port: 0 });
  const orders = new TestTier({ serviceName: "orders", ...options });
  for (const service of [web, orders]) {
    cleanups.push(() => service.shutdown());
    void service.runToCompletion();
    await service.waitFor("running");
  }
  return `http://127.0.0.1:${web.http!.port}`;
};

const open = async (url: string): Promise<Page> => {
  const { page } = await openPage(browser!);
  cleanups.push(() => page.context().close());
  await page.goto(url);
  return page;
};
const text = async (page: Page, selector: string): Promise<string> => (await page.locator(selector).textContent()) ?? "";
const condition = (page: Page, want: string): Promise<unknown> => page.waitForSelector(`body[data-condition="${want}"]`);

describe.runIf(browser !== undefined)("a page whose Redis has ended", () => {
  it("says since when, opened before or meanwhile, with what was so then, and is live once Redis is back", async () => {
    const url = await startFleet();
    const before = await open(url);
    await eventually("both services", async () => (await text(before, "#headline")) === "All 2 ready");
    await redis.kill();
    await condition(before, "redis");
    const meanwhile = await open(url);
    await condition(meanwhile, "redis");
    for (const page of [before, meanwhile]) {
      await page.locator("#verdict:visible").waitFor();
      await eventually("the past", async () => /^All 2 were ready, .+ ago$/.test(await text(page, "#headline")));
      expect(await text(page, "#banner")).toMatch(/^Redis could not be read since \d\d:\d\d:\d\d\..* What is shown was so at /);
      expect(await page.locator(".row .st").first().textContent()).toMatch(/^was /);
      expect(await page.locator("#loading, #unknown").filter({ visible: true }).count()).toBe(0);
    }
    redis = await redis.restart();
    for (const page of [before, meanwhile]) {
      await condition(page, "live");
      await eventually("the present", async () => (await text(page, "#headline")) === "All 2 ready");
      expect(await page.locator("#banner").isVisible()).toBe(false);
    }
  });
});
