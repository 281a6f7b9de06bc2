/** The words of sentences and those of the page: a time reads the same in both. */
import { expect, it } from "vitest";
import { briefly } from "../../src/http/page/format.js";
import { inWords } from "../../src/instances/words.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

it("a time is the same in a sentence and on the page", () => {
  const times = [0, 1, 999, 1000, 9949, 9999, 10_000, 48_300, 59_999, minute, 89 * second, 590 * second, 599_999, 10 * minute];
  const long = [59.9 * minute, hour, 83 * minute, 23.99 * hour, 24 * hour, 76 * hour];
  for (const ms of [...times, ...long]) expect([ms, inWords(ms)]).toEqual([ms, briefly(ms)]);
  expect(inWords(590 * second)).toBe("9 min 50 s");
});
