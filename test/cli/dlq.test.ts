/** `stargazer dlq`: lists and shows dead letters, replays each once, or drops them. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { deadLetterCommand } from "../../src/streams/dead-letters.ts";
import { streamKeys } from "../../src/streams/keys.ts";
import { endCli, openShell } from "../kit/cli.ts";
import { toFields } from "../kit/messages.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";

let redis: TestRedis;
const shell = openShell();
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(endCli);
afterAll(async () => {
  shell.remove();
  await redis.stop();
});
beforeEach(() => redis.witness.flushall());

const dlq = (...args: string[]) => shell.run(["dlq", ...args, "--redis", redis.url]);
const stream = "sg:stream:inbound";
const message = { id: "s.1", platform: "webchat", channel: "c\u001b[2J", author: "visitor", text: "hello", at: 1 };
const bury = async (): Promise<string> => {
  const fields = toFields(message).map((field) => Buffer.from(field));
  const letter = { stream, group: "sg:workers", entry: "5-1", attempts: 3, reason: "no answer to this", fields };
  const [command, ...words] = deadLetterCommand(streamKeys(redis.witness).deadLetters, letter);
  return String(await redis.witness.call(String(command), words as (string | Buffer)[]));
};

describe("dlq", () => {
  it("lists the dead letters, as a table or as JSON, without a character that moves the cursor", async () => {
    expect(await dlq("list")).toMatchObject({ code: 0, out: "no dead letters\n" });
    const id = await bury();
    const { code, out } = await dlq("list");
    expect([code, out.split("\n")[0]]).toEqual([0, expect.stringMatching(/^ID +AGE +ATTEMPTS +CONVERSATION +REASON$/)]);
    expect(out).toContain("no answer to this");
    expect(out).not.toContain("\u001b");
    const [letter] = JSON.parse((await dlq("list", "--json")).out);
    expect(letter).toMatchObject({ id, stream, attempts: 3, fields: toFields(message) });
  });

  it("shows one with its fields", async () => {
    const id = await bury();
    const { code, out } = await dlq("show", id);
    expect(code).toBe(0);
    for (const line of ["reason: no answer to this", `from: 5-1 in ${stream}, group sg:workers`, "  text: hello"])
      expect(out.split("\n")).toContain(line);
  });

  it("replays one once, says where, and exits with 1 for one that is not there", async () => {
    const id = await bury();
    const { code, out } = await dlq("replay", id);
    const [[entry] = []] = await redis.witness.xrange(stream, "-", "+");
    expect(code).toBe(0);
    expect(out).toMatch(`${id} is put back once, at the end of its conversation`);
    expect(out).toMatch(`as entry ${entry}`);
    expect(await dlq("replay", id)).toMatchObject({
      code: 1,
      out: "",
      err: `there is no dead letter ${id}: stargazer dlq list has those that are kept\n`,
    });
    expect(await redis.witness.xlen(stream)).toBe(1);
  });

  it("drops the letters that are named, and no others", async () => {
    const [first, second, third] = [await bury(), await bury(), await bury()];
    expect(await dlq("drop", first, second)).toMatchObject({ code: 0, out: `${first} is dropped\n${second} is dropped\n` });
    expect(JSON.parse((await dlq("list", "--json")).out).map(({ id }: { id: string }) => id)).toEqual([third]);
  });

  it.each([
    [[], /name one of list, show, replay, drop/],
    [["lsit"], /unknown action "lsit" \(did you mean list\?\): name one of list, show, replay, drop/],
    [["show"], /name the id of a dead letter/],
    [["drop", "all"], /"all" is not an id/],
    [["list", "--count", "0"], /--count must be a whole number/],
    [["list", "--count", "-3"], /USAGE --count needs a value\. See/],
  ])("refuses %j", async (args, says) => {
    expect(await dlq(...args)).toMatchObject({ code: 2, err: expect.stringMatching(says) });
  });
});
