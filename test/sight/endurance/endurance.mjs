/** The proof `endurance`: a page with thousands of instances, from its first paint on, under updates, and over minutes. */
import { setTimeout as pause } from "node:timers/promises";
import { openRedis } from "../../../dist/src/redis/connection.js";
import { randomFrom } from "../../chaos/random.mjs";
import { hasBrowser, messageFrom, openTab, startWeb } from "../page/browser.mjs";
import { quantile, spread } from "../table.mjs";
import { Churn } from "./churn.mjs";
import { noteFrames, unreadyShown } from "./frames.mjs";
import { loadGenerator } from "./generator.mjs";

export const title = "a page with thousands of instances";

const firstPaintMs = 1000;
const frameMs = 100;
const perSecond = 1000;
/** of the memory over minutes: changes that soon fill what is remembered of a few instances */
const steady = { perSecond: 200, hot: 20, restarts: 2 };
/** share by which memory may grow once all that is remembered has its full length */
const growth = 0.05;
/** ms after which a page that nothing changes is drawn for the last time */
const calmMs = 2000;
const mb = (bytes) => Math.round((bytes / 1_048_576) * 10) / 10;

/** Boots the fleet, some at a time. */
const bootFleet = async (fleet, count, progress) => {
  const all = fleet.add(count);
  for (let at = 0; at < count; at += 200) {
    await fleet.boot(all.slice(at, at + 200));
    progress(`${at + 200} of ${count} instances`);
  }
};

const openPage = async (url, count) => {
  const tab = await openTab(noteFrames, count);
  await tab.page.goto(url);
  await tab.page.waitForFunction(() => globalThis.sight.firstPaintMs !== undefined, undefined, { timeout: 120_000 });
  return tab;
};

/** ms to the first paint of all, of some browsers that know nothing of the page. */
const firstPaints = async (url, count, times) => {
  const all = [];
  for (let n = 0; n < times; n += 1) {
    const tab = await openPage(url, count);
    all.push(await tab.page.evaluate(() => globalThis.sight.firstPaintMs));
    await tab.close();
  }
  return all;
};

/** Updates for some seconds; resolves with what the page made of them. */
const burst = async (tab, churn, seconds, count) => {
  const before = churn.count;
  await tab.page.evaluate(() => Object.assign(globalThis.sight, { frames: [], rows: 0 }));
  await churn.run({ seconds, perSecond, hot: count, restarts: 5 });
  const { frames, rows } = await tab.page.evaluate(() => globalThis.sight);
  return { frames, rows, written: churn.count - before };
};

const sample = async (cdp, web) => {
  await cdp.send("HeapProfiler.collectGarbage");
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners } = await cdp.send("Memory.getDOMCounters");
  const asked = messageFrom(web.child, ({ type }) => type === "memory");
  web.child.send("memory");
  const { rss, heapUsed } = await asked;
  return { page: usedSize, nodes, listeners: jsEventListeners, web: heapUsed, rss };
};

/** One sample at the end of each part of the time, while the fleet goes on. */
const endure = async (tab, web, churn, { parts, partSeconds, progress }) => {
  const cdp = await tab.context.newCDPSession(tab.page);
  const samples = [];
  for (let part = 1; part <= parts; part += 1) {
    await tab.page.evaluate(() => Object.assign(globalThis.sight, { frames: [] }));
    await churn.run({ ...steady, seconds: partSeconds });
    await pause(calmMs);
    samples.push(await sample(cdp, web));
    progress(`part ${part} of ${parts}: page ${mb(samples.at(-1).page)} MB, web tier ${mb(samples.at(-1).web)} MB`);
  }
  return samples;
};

/** The growth of one of the figures from the first of these samples to the last, as a share: of the medians of three at either end. */
const grown = (samples, of) => {
  const figures = samples.map((each) => each[of]);
  return quantile(figures.slice(-3), 0.5) / quantile(figures.slice(0, 3), 0.5) - 1;
};

const memoryClaims = (samples, from) => {
  const claim = (what, of, isTarget = true) => {
    const share = grown(samples.slice(from), of);
    const target = isTarget ? { want: `<= ${100 * growth} %`, ok: share <= growth } : {};
    return { what: `growth since sample ${from + 1}: ${what}`, got: `${(100 * share).toFixed(1)} %`, ...target };
  };
  return [
    claim("JS heap of the page", "page"),
    claim("DOM nodes", "nodes"),
    claim("event listeners", "listeners"),
    claim("heap of the web tier", "web"),
    claim("its resident memory", "rss", false),
  ];
};

const lineOf = ({ page, nodes, listeners, web, rss }, at) =>
  `sample ${at + 1}: page ${mb(page)} MB, ${nodes} nodes, ${listeners} listeners; web tier ${mb(web)} MB of ${mb(rss)} MB`;

/** Resolves with the claims. */
export const run = async ({ processes, progress }, { seed, isQuick, minutes = 10 }) => {
  if (!hasBrowser) return { claims: [{ what: "a Chromium", want: "there", got: "missing", ok: false }], notes: [] };
  const size = isQuick
    ? { count: 300, loads: 1, seconds: 3, parts: 3, partSeconds: 2, from: 0 }
    : { count: 2000, loads: 3, seconds: 10, parts: minutes, partSeconds: 60, from: Math.min(3, minutes - 1) };
  const FleetGenerator = await loadGenerator();
  const redis = openRedis((await processes.redis()).url);
  redis.on("error", () => {});
  await redis.connect();
  const fleet = new FleetGenerator(redis);
  await bootFleet(fleet, size.count, progress);
  const web = await startWeb(processes);
  // the web tier has read the fleet
  await (await openPage(web.url, size.count)).close();
  const loads = await firstPaints(web.url, size.count, size.loads);
  const hot = fleet.instances[0];
  const tab = await openPage(`${web.url}#/${hot.service}/${hot.instance}`, size.count);
  const churn = new Churn(fleet, randomFrom(seed));
  progress("updates");
  const { frames, rows, written } = await burst(tab, churn, size.seconds, size.count);
  const isSame = await settles(tab, churn);
  const samples = await endure(tab, web, churn, { ...size, progress });
  const isSameAtLast = await settles(tab, churn);
  await tab.close();
  redis.disconnect();
  const [first, frame] = [spread(loads), spread(frames)];
  const long = frames.filter((ms) => ms > frameMs).length;
  const rate = Math.round(written / size.seconds);
  return {
    claims: [
      {
        what: `${size.count} instances: first paint, ms: the slowest of ${loads.length}`,
        want: `<= ${firstPaintMs}`,
        got: first.max,
        ok: first.max <= firstPaintMs,
      },
      { what: "first paint, ms: p50", got: first.p50 },
      { what: `updates a second, for ${size.seconds} s`, want: `>= ${perSecond}`, got: rate, ok: rate >= 0.95 * perSecond },
      { what: "rows that the page took meanwhile", got: rows },
      { what: `frames over ${frameMs} ms, of ${frames.length}`, want: 0, got: long, ok: long === 0 },
      { what: "a frame, ms: p50", got: frame.p50 },
      { what: "p99", got: frame.p99 },
      { what: "the longest", got: frame.max },
      {
        what: "the page shows what was written last",
        want: "yes",
        got: isSame && isSameAtLast ? "yes" : "no",
        ok: isSame && isSameAtLast,
      },
      ...memoryClaims(samples, size.from),
    ],
    notes: samples.map(lineOf),
  };
};

/** Whether the page comes to show each instance as it was written last. */
const settles = async ({ page }, churn) => {
  for (let left = 300; left > 0; left -= 1) {
    const shown = await page.evaluate(unreadyShown);
    if (shown.length === churn.unready.size && shown.every((name) => churn.unready.has(name))) return true;
    await pause(100);
  }
  return false;
};
