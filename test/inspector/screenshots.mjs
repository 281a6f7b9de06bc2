#!/usr/bin/env node
// Takes the pictures of the inspector's page that the README shows: node test/inspector/screenshots.mjs, after a build. Needs a Chromium.
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { inspect } from "../../dist/src/inspector/inspect.js";
import { startEmbeddedRedis } from "../../dist/src/redis/embedded/server.js";
import { StargazerService } from "../../dist/src/service/service.js";

const folder = fileURLToPath(new URL("../../visualizations/", import.meta.url));
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const aborted = (signal) => new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));

class Inference extends StargazerService {
  warm = withResolvers();
  async onStart(context) {
    await context.phase("tools", () => pause(140));
    await context.phase("model", async () => {
      await context.phase("load", () => pause(260));
      await context.phase("warm-up", () => this.warm.promise);
    });
    context.defer(() => pause(60));
  }
  async run({ signal }) {
    await aborted(signal);
    await pause(4000);
  }
  onStop() {}
}

function withResolvers() {
  let resolve;
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

const redis = await startEmbeddedRedis();
const service = new Inference({
  serviceName: "inference",
  instanceId: "inference-1",
  redis: redis.url,
  healthPort: 0,
  jitterMaxMs: 400,
  startTimeoutMs: 8000,
  drainTimeoutMs: 8000,
  logger: quiet,
});
const inspection = inspect(service, { kind: "page", port: 0 }, { print: () => {} });
const url = await inspection.url;
const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });

const open = async (options) => {
  const page = await (await browser.newContext(options)).newPage();
  await page.goto(url);
  await page.waitForSelector("#chart-lifecycle svg");
  return page;
};
const shot = (page, name) => page.screenshot({ path: join(folder, `inspector-${name}.png`) });

const desk = { viewport: { width: 1280, height: 860 } };
const [light, dark, phone] = await Promise.all([
  open({ ...desk, colorScheme: "light" }),
  open({ ...desk, colorScheme: "dark" }),
  open({ viewport: { width: 390, height: 844 }, colorScheme: "light" }),
]);
const ended = service.runToCompletion();
await light.waitForSelector("#phases .open.nested >> text=warm-up");
await pause(1300);
await shot(light, "light");
service.warm.resolve();
await service.waitFor("running");
await pause(1500);
await service.boot().catch(() => {});
await pause(700);
await shot(dark, "dark");
// the refusal has been shown long enough
await phone.waitForSelector("#notice", { state: "hidden" });
void service.shutdown("a new version is rolled out");
await phone.waitForSelector('[data-state="lifecycle.stopping.draining"].active');
await pause(900);
await shot(phone, "phone");
await ended;
await browser.close();
await inspection.close();
await redis.stop();
