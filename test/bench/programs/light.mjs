// node light.mjs REDIS_URL COUNT: from a transition in a service to its light in a real browser, COUNT times. The lease beats fast; the
// page reports, for each state that it lit, when the frame with it was drawn.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { inspect } from "../../../dist/src/inspector/inspect.js";
import { StargazerService } from "../../../dist/src/service/service.js";

const [redis, wanted] = process.argv.slice(2);
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((file) =>
  existsSync(file),
);
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const more = ["--disable-component-update", "--disable-sync"];
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

class Service extends StargazerService {
  onStart() {}
  run({ signal }) {
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }
  onStop() {}
}

if (executablePath === undefined) {
  console.log(JSON.stringify({ p50: Number.NaN, p99: Number.NaN, count: 0 }));
  process.exit(0);
}
const times = { jitterMaxMs: 0, heartbeatMs: 30, leaseTtlMs: 3000 };
const service = new Service({ serviceName: "bench", logger: quiet, redis, useHealthServer: false, ...times });
const inspection = inspect(service, { kind: "page", port: 0 }, { print: () => {} });
const browser = await chromium.launch({ executablePath, args: [...args, ...more] });
const page = await browser.newPage();
await page.goto(await inspection.url);
await page.click("#tab-lease");
await page.waitForSelector("#chart-lease svg");
void service.runToCompletion();
await service.waitFor("running");
await page.waitForSelector('[data-state^="lease.held"].active');

const delays = await page.evaluate(
  (count) =>
    new Promise((resolve) => {
      const delays = [];
      const seen = new Set();
      const lit = () => {
        const { seq } = document.querySelector("#events li").dataset;
        const { dateTime } = document.querySelector("#events li time");
        if (seen.has(seq)) return;
        seen.add(seq);
        // the frame after the next one begins when this one is on the screen
        requestAnimationFrame(() => {
          delays.push(performance.timeOrigin + performance.now() - Date.parse(dateTime));
          if (delays.length === count) resolve(delays);
        });
      };
      new MutationObserver(lit).observe(document.querySelector("#chart-lease"), { subtree: true, attributeFilter: ["class"] });
    }),
  Number(wanted),
);
delays.sort((a, b) => a - b);
const at = (share) => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))];
console.log(JSON.stringify({ p50: at(0.5), p99: at(0.99), count: delays.length }));
await service.shutdown();
await browser.close();
process.exit(0);
