/** The proof `light`: from the moment that a chart takes an arrow to the paint of its state in a real browser. */
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { hasBrowser, openTab, startWeb } from "../page/browser.mjs";
import { quantile, spread } from "../table.mjs";
import { delaysOf, notePaints } from "./paints.mjs";

export const title = "a change of a state, from the chart to the light in the browser";

const program = fileURLToPath(new URL("blinker.mjs", import.meta.url));
const names = ["amber", "basalt", "cedar", "dune", "elm"];
const targets = { p50: 50, p99: 250 };

const startBlinker = async (processes, name) => {
  const { url } = await processes.redis();
  const child = processes.fork(program, { args: [name], env: { REDIS_URL: url, SG_LOG_LEVEL: "error" } });
  const entries = [];
  child.on("message", (entry) => entries.push(entry));
  return { name: `${name}:${name}-1`, child, entries };
};

/** Resolves with the claims. */
export const run = async ({ processes, progress }, { isQuick }) => {
  if (!hasBrowser) return { claims: [{ what: "a Chromium", want: "there", got: "missing", ok: false }], notes: [] };
  const seconds = isQuick ? 10 : 60;
  const web = await startWeb(processes);
  const tab = await openTab(notePaints);
  await tab.page.goto(web.url);
  const blinkers = await Promise.all(names.map((name) => startBlinker(processes, name)));
  await tab.page.waitForFunction((count) => document.querySelectorAll('.row[data-name*=":"]').length > count, names.length);
  for (let left = seconds; left > 0; left -= 1) {
    progress(`${left} s left`);
    await pause(1000);
  }
  for (const { child } of blinkers) child.send("end");
  await Promise.all(blinkers.map(({ child }) => child.ended));
  // the last states are painted
  await pause(500);
  const paints = await tab.page.evaluate(() => globalThis.paints);
  await tab.close();
  const delays = blinkers.flatMap(({ name, entries }) =>
    delaysOf(
      entries,
      paints.filter((paint) => paint.name === name),
    ),
  );
  const { count, p50, p90, p99, max } = spread(delays);
  return {
    claims: [
      { what: "changes of a state, of five services", got: count, ok: count >= 5 * seconds },
      { what: "to the paint, ms: p50", want: `<= ${targets.p50}`, got: p50, ok: quantile(delays, 0.5) <= targets.p50 },
      { what: "p90", got: p90 },
      { what: "p99", want: `<= ${targets.p99}`, got: p99, ok: quantile(delays, 0.99) <= targets.p99 },
      { what: "the longest", got: max },
    ],
    notes: [],
  };
};
