/** The proof `kills`: instances that get SIGKILL by seed, under `up` and alone, and what the fleet's memory has of each. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { FleetMemory } from "../../../dist/src/instances/memory.js";
import { JournalReader } from "../../../dist/src/journal/reader.js";
import { openRedis } from "../../../dist/src/redis/connection.js";
import { hasBrowser } from "../page/browser.mjs";
import { quantile, spread } from "../table.mjs";
import { missingIn, placesOf, readLife } from "./arrows.mjs";
import { Deaths } from "./deaths.mjs";
import { readPage } from "./page.mjs";

export const title = "SIGKILL at moments by seed";

const module = fileURLToPath(new URL("doomed.mjs", import.meta.url));
/** processes of one `up` at most, and how often each is killed before `up` gives it up */
const mostReplicas = 5;
const livesEach = 5;
/** instances that run at once, beside those of `up` */
const aloneAtOnce = 3;
const leaseTtlMs = 3000;
/** ms within which `up` has to show a death */
const shownMs = 1000;
/** instances that are opened on the page, at the end */
const sampleSize = 16;
/** dead instances that the sample is taken from: each model keeps 50 of a service, and which one is the oldest may differ */
const newestDead = 40;
/** ms without any news after which the rest is given up */
const stuckMs = 60_000;

/** `up` with modules of its own, until each of its processes was given up. Resolves when it has ended. */
const runUp = async ({ processes, url, settings, replicas }, first) => {
  const args = ["up", module, "--replicas", `doomed=${replicas}`];
  const child = processes.stargazer(args, { env: envOf({ url, settings }, first) });
  await child.ended;
};

const runAlone = async ({ processes, url, settings }, number) => {
  const env = { ...envOf({ url, settings }, number), SG_INSTANCE_ID: `alone-${number}` };
  await processes.fork(module, { env }).ended;
};

const envOf = ({ url, settings }, first) => ({
  ...{ REDIS_URL: url, SG_LOG_LEVEL: "error" },
  SIGHT_KILLS: JSON.stringify({ ...settings, first }),
});

/** Half of them are under `up`, as far as a whole number of its processes makes so many. */
const sharesOf = (wanted) => {
  const members = Math.floor(wanted / 2 / livesEach);
  const ups = Math.ceil(members / mostReplicas);
  const replicas = ups === 0 ? 0 : Math.floor(members / ups);
  return { ups, replicas, under: ups * replicas * livesEach };
};

/** Runs all of them; the first numbers are those under `up`. */
const killAll = async (of, { ups, replicas, alone }) => {
  const inTurn = async (numbers, run) => {
    for (let next = numbers.shift(); next !== undefined; next = numbers.shift()) await run(of, next);
  };
  const perUp = replicas * livesEach;
  const firsts = Array.from({ length: ups }, (_, at) => at * perUp);
  const numbers = Array.from({ length: alone }, (_, at) => ups * perUp + at);
  await Promise.all([
    inTurn(firsts, (given, first) => runUp({ ...given, replicas }, first)),
    ...Array.from({ length: aloneAtOnce }, () => inTurn(numbers, runAlone)),
  ]);
};

const livesIn = (folder) =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".log"))
    .map((file) => readLife(readFileSync(join(folder, file), "utf8")));

/** The items of the journal by release. */
const itemsByVersion = async (redis) => {
  const options = { limit: 20_000, sinceMs: 3_600_000, signal: AbortSignal.timeout(30_000) };
  const items = new Map();
  for (const entry of await new JournalReader(redis).backwards(options))
    items.set(entry.version, [...(items.get(entry.version) ?? []), ...entry.items]);
  return items;
};

/** The state of the nine that a path is in. */
const stateOf = (path) => path.split(".")[0];

const judge = (life, { deaths, states, items, isUnderUp }) => {
  const seen = deaths.of(life.version) ?? {};
  const own = items.get(life.version) ?? [];
  const places = placesOf(life, own);
  return {
    ...life,
    isUnderUp,
    missing: missingIn(life, own),
    named: seen.path,
    isNamed:
      seen.version === life.version &&
      places.some((place) => [stateOf(seen.path ?? ""), states.get(life.version)].includes(stateOf(place))),
    places,
    shownAfterMs: seen.shownAt === undefined ? undefined : seen.shownAt - life.died,
  };
};

/** Resolves once the end of each is shown, or nothing more is shown for long. */
const allShown = async (lives, { deaths, progress }) => {
  const countShown = () => lives.filter(({ version }) => deaths.of(version)?.shownAt !== undefined).length;
  let [last, since] = [-1, performance.now()];
  while (last < lives.length && performance.now() - since < stuckMs) {
    const shown = countShown();
    if (shown !== last) [last, since] = [shown, performance.now()];
    progress(`${shown} of ${lives.length} ends are shown`);
    await pause(50);
  }
};

/** The newest boots of some instances, with what the page names of each. */
const samplePage = async (processes, judged, model) => {
  if (!hasBrowser) return undefined;
  const newest = model
    .rows()
    .filter(({ end }) => end !== null)
    .sort((a, b) => b.end.at - a.end.at)
    .slice(0, newestDead)
    .flatMap((row) => judged.filter(({ version }) => version === row.version).map((life) => ({ ...life, name: row.name })));
  const step = Math.max(1, Math.floor(newest.length / sampleSize));
  const sample = newest.filter((_, at) => at % step === 0).slice(0, sampleSize);
  const shown = await readPage(processes, sample);
  return sample.map((life) => {
    const { release, state } = shown.get(life.name);
    const isNamed = release === life.version && life.places.some((place) => stateOf(place) === state);
    return { ...life, isNamed, named: `${release} ${state}` };
  });
};

const pageClaim = (sample) => {
  if (sample === undefined) return { what: "named on the page", got: "no Chromium" };
  const named = sample.filter(({ isNamed }) => isNamed).length;
  return { what: "named on the page in Chromium, of a sample", want: sample.length, got: named, ok: named === sample.length };
};

const claimsOf = (judged, { wanted, doubles, sample }) => {
  const under = judged.filter(({ isUnderUp }) => isUnderUp);
  const alone = judged.filter(({ isUnderUp }) => !isUnderUp);
  const ms = (some) => some.flatMap(({ shownAfterMs }) => shownAfterMs ?? []);
  const worst = Math.max(0, ...ms(under));
  const count = (some, test) => some.filter(test).length;
  const unshown = (some) => count(some, ({ shownAfterMs }) => shownAfterMs === undefined);
  const missing = judged.flatMap(({ missing }) => missing).length;
  // the last message of a boot is its end
  const early = count(judged, ({ shownAfterMs, places }) => shownAfterMs < 0 && !places.includes("stopping.disconnecting"));
  const arrows = judged.flatMap(({ arrows }) => arrows).length;
  return [
    { what: "killed", want: wanted, got: judged.length, ok: judged.length === wanted },
    { what: "arrows that they took", got: arrows },
    { what: "missing, of those taken 100 ms or more before the death", want: 0, got: missing, ok: missing === 0 },
    {
      what: "named with state and release",
      want: wanted,
      got: count(judged, ({ isNamed }) => isNamed),
      ok: judged.every(({ isNamed }) => isNamed),
    },
    pageClaim(sample),
    { what: "instances with two running rows", want: 0, got: doubles.size, ok: doubles.size === 0 },
    { what: "shown as ended too early", want: 0, got: early, ok: early === 0 },
    { what: `under up: deaths that are not shown, of ${under.length}`, want: 0, got: unshown(under), ok: unshown(under) === 0 },
    { what: "under up: shown after, ms: p50", got: quantile(ms(under), 0.5) },
    { what: "under up: shown after, ms: the latest", want: `<= ${shownMs}`, got: worst, ok: worst <= shownMs },
    { what: `alone: deaths that are not shown, of ${alone.length}`, want: 0, got: unshown(alone), ok: unshown(alone) === 0 },
    { what: `alone, by a lease of ${leaseTtlMs} ms or the deadline: ms: p50`, got: spread(ms(alone)).p50 },
    { what: "alone: the latest", got: spread(ms(alone)).max },
  ];
};

const notesOf = (judged, sample = []) => {
  const byPlace = new Map();
  for (const { arrows } of judged) {
    const path = arrows.at(-1)?.path ?? "nowhere";
    byPlace.set(path, (byPlace.get(path) ?? 0) + 1);
  }
  const wrong = judged.filter(
    ({ missing, isNamed, shownAfterMs }) => missing.length > 0 || !isNamed || shownAfterMs === undefined,
  );
  return [
    `killed in: ${[...byPlace]
      .sort()
      .map(([path, count]) => `${path} ${count}`)
      .join(", ")}`,
    ...sample
      .filter(({ isNamed }) => !isNamed)
      .map(({ name, named, places }) => `${name} on the page: ${named}, was in ${places.join(", ")}`),
    ...wrong.map(
      ({ number, instance, missing, named, places }) =>
        `${instance} 1.${number}.0: named in ${named ?? "nowhere"}, was in ${places.join(", ")}; missing: ${missing.join(", ") || "nothing"}`,
    ),
  ];
};

/** Resolves with the claims. `isSteady`: an instance is killed between two turns of its event loop only. */
export const run = async ({ processes, progress }, { seed, isQuick, isSteady = false, kills }) => {
  const wanted = kills ?? (isQuick ? 40 : 200);
  const { ups, replicas, under } = sharesOf(wanted);
  const alone = wanted - under;
  const { url } = await processes.redis();
  const folder = processes.folder;
  const redis = openRedis(url);
  redis.on("error", () => {});
  await redis.connect();
  const following = new AbortController();
  const memory = new FleetMemory();
  const deaths = new Deaths(memory);
  const followed = memory.run(redis, { signal: following.signal, log: { warn: () => {} } });
  const ticking = setInterval(() => progress(`${readdirSync(folder).length} of ${wanted} lives`), 500);
  await killAll({ processes, url, settings: { folder, seed, isSteady, leaseTtlMs } }, { ups, replicas, alone });
  clearInterval(ticking);
  const lives = livesIn(folder).filter(({ died }) => died !== undefined);
  await allShown(lives, { deaths, progress });
  const items = await itemsByVersion(redis);
  const states = deaths.lastStates();
  const judged = lives.map((life) => judge(life, { deaths, states, items, isUnderUp: life.number < under }));
  progress("the page");
  const sample = await samplePage(processes, judged, memory.model);
  following.abort();
  await followed;
  redis.disconnect();
  return { claims: claimsOf(judged, { wanted, doubles: deaths.doubles, sample }), notes: notesOf(judged, sample) };
};
