/** The proof `scrapes`: metrics after thousands of phases, and while the event loop is blocked. */
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { messageFrom, startWeb } from "../page/browser.mjs";
import { ageIn, repeatedIn, scrape, seriesIn } from "./text.mjs";

export const title = "series, duplicates, and scrapes of a blocked event loop";

const program = fileURLToPath(new URL("busy.mjs", import.meta.url));
const phases = 10_000;
const names = 1000;
const mostSeries = 100;
const blockMs = 3000;
const scrapes = 8;
/** ms between two of them: the last one begins well before the loop goes on */
const everyMs = 300;
/** ms after which the thread asks the event loop anew */
const heldMs = 200;

const listens =
  (wanted) =>
  ({ type, name }) =>
    type === "listening" && name === wanted;

/** A scrape that the event loop answers: after so many phases it may be late. */
const scrapeFresh = async (address) => {
  const answer = await scrape(address);
  return ageIn(answer.body) === 0 ? answer : scrapeFresh(address);
};

/** Resolves with the answers, and with when the block began and ended. */
const scrapeBlocked = async (child, address) => {
  const begins = messageFrom(child, ({ type }) => type === "blocks");
  const ends = messageFrom(child, ({ type }) => type === "goes on");
  child.send(blockMs);
  const { at: from } = await begins;
  const answers = [];
  for (let n = 0; n < scrapes; n += 1) {
    answers.push(scrape(address).catch((error) => ({ status: error.message, body: "", at: Number.POSITIVE_INFINITY })));
    await pause(everyMs);
  }
  const all = await Promise.all(answers);
  return { answers: all, from, to: (await ends).at };
};

/** Resolves with the claims. */
export const run = async ({ processes, progress }) => {
  const { url } = await processes.redis();
  const supervised = { REDIS_URL: url, SG_SUPERVISED: "1", SG_LOG_LEVEL: "error" };
  const web = await startWeb(processes);
  const child = processes.fork(program, { env: { ...supervised, SIGHT_SCRAPES: JSON.stringify({ phases, names }) } });
  const [address] = await Promise.all([messageFrom(child, listens("health")), messageFrom(child, ({ type }) => type === "done")]);
  progress(`${phases} phases are done`);
  const before = await scrapeFresh(address);
  await pause(heldMs);
  const { answers, from, to } = await scrapeBlocked(child, address);
  const ofWeb = await scrape(web.health);
  const answered = answers.filter(({ status, at }) => status === 200 && at >= from && at <= to);
  const aged = answered.filter(({ body, age }) => ageIn(body) > 0 && age !== undefined && seriesIn(body).length > mostSeries / 2);
  const repeated = [before, ...answers, ofWeb].flatMap(({ body }) => repeatedIn(body));
  const count = seriesIn(before.body).length;
  return {
    claims: [
      {
        what: `series of an instance after ${phases} phases of ${names} names`,
        want: `<= ${mostSeries}`,
        got: count,
        ok: count <= mostSeries,
      },
      { what: "series of the web tier", got: seriesIn(ofWeb.body).length },
      { what: `duplicates in ${answers.length + 2} scrapes`, want: 0, got: repeated.length, ok: repeated.length === 0 },
      { what: `answered within a block of ${blockMs} ms`, want: scrapes, got: answered.length, ok: answered.length === scrapes },
      { what: "of these with the last text and its age", want: scrapes, got: aged.length, ok: aged.length === scrapes },
    ],
    notes: [...new Set(repeated)],
  };
};
