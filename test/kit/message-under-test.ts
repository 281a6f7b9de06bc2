/** One message on a real Redis, made to go through the arrows of its specification; its state is read from the keys alone. */
import { expect } from "vitest";
import type { MessageEvent, MessageSnapshot } from "../../machines/index.ts";
import { DeadLetters, deadLetterCommand } from "../../src/streams/dead-letters.ts";
import { laneKeys, streamKeys } from "../../src/streams/keys.ts";
import type { Taken } from "../../src/streams/lanes.ts";
import { Lanes } from "../../src/streams/lanes.ts";
import type { ModelEvent } from "./model.ts";
import type { TestRedis } from "./redis.ts";

const group = "workers";
const lane = "p/c";
const longMs = 600_000;
let made = 0;

type Call = readonly [what: string, call: () => Promise<unknown>, refusal: unknown];

export class MessageUnderTest {
  readonly #redis: TestRedis;
  readonly #stream: string;
  readonly #out: string;
  readonly #lanes: Lanes;
  readonly #letters: DeadLetters;
  readonly #onTaken: (name: string) => void;
  #id = "";
  /** the message before it in its lane, while a worker has that */
  #before: Taken | undefined;
  #task: Taken | undefined;
  readonly #tokens = new Set<number>();
  #letter = "";
  #replayed = "";

  static async make(redis: TestRedis, events: readonly ModelEvent[], onTaken: (name: string) => void): Promise<MessageUnderTest> {
    made += 1;
    const message = new MessageUnderTest(redis, `sg:stream:test${made}`, onTaken);
    await message.#lanes.join();
    // it is routed, and not taken, where another message of its lane is before it
    if (events[0]?.type === "claim.routed") await message.#accept();
    message.#id = await message.#accept();
    return message;
  }

  private constructor(redis: TestRedis, stream: string, onTaken: (name: string) => void) {
    this.#redis = redis;
    this.#onTaken = onTaken;
    this.#stream = stream;
    this.#out = `${stream}:out`;
    const client = redis.witness;
    this.#letters = new DeadLetters(client);
    this.#lanes = new Lanes({
      redis: client,
      stream,
      group,
      laneFields: ["platform", "channel"],
      leaseMs: longMs,
      maxEntryBytes: 1_048_576,
    });
  }

  /** Takes an arrow. */
  async exec(before: MessageSnapshot, { type }: ModelEvent): Promise<void> {
    await this.#arrows[type as MessageEvent["type"]]();
    this.#onTaken(`message.${before.value} ${type} 0`);
  }

  /** Compares the state, and makes every call that has no arrow there: each is refused, and nothing has changed. */
  async check(model: MessageSnapshot): Promise<void> {
    expect(await this.#state()).toBe(model.value);
    const before = await this.#everything();
    for (const [what, call, refusal] of this.#illegalCalls(String(model.value))) {
      expect([what, await call()]).toEqual([what, refusal]);
      expect([what, await this.#everything()]).toEqual([what, before]);
    }
  }

  async end(): Promise<void> {
    const keys = Object.values(laneKeys(this.#stream));
    await this.#redis.witness.del(this.#stream, this.#out, ...keys);
    if (this.#letter !== "") await this.#letters.drop(this.#letter);
  }

  readonly #arrows: Readonly<Record<MessageEvent["type"], () => Promise<void>>> = {
    "claim.routed": async () => {
      [this.#before] = (await this.#lanes.claim(() => 1)).taken;
      expect(this.#before?.id).not.toBe(this.#id);
    },
    "claim.taken": async () => {
      if (this.#before !== undefined) await this.#answer(this.#before, false);
      this.#before = undefined;
      await this.#claim();
    },
    "settle.passed": async () => {
      this.#task = (await this.#answer(this.#before!, true)).next;
      expect(this.#task?.id).toBe(this.#id);
      this.#before = undefined;
    },
    renew: async () => expect(await this.#lanes.renew([this.#task!])).toEqual([]),
    "settle.answered": async () => expect(await this.#answer(this.#task!, true)).toEqual({ isOver: false, hasMore: false }),
    "settle.buried": () => this.#bury(),
    "giveUp.failed": async () => expect(await this.#giveUp(longMs, true)).toBe(true),
    "giveUp.handedBack": async () => expect(await this.#giveUp(0, false)).toBe(true),
    "claim.retaken": async () => {
      const { token, lost } = this.#task!;
      await this.#timePasses();
      await this.#claim();
      expect([this.#task!.token > token, this.#task!.lost]).toEqual([true, lost + 1]);
    },
    "rest.ended": () => this.#timePasses(),
    replay: async () => {
      this.#replayed = (await this.#letters.replay({ id: this.#letter, stream: this.#stream })) ?? "";
    },
    drop: async () => expect(await this.#letters.drop(this.#letter)).toBe(true),
  };

  #accept(): Promise<string> {
    return this.#redis.witness.xadd(this.#stream, "*", "platform", "p", "channel", "c") as Promise<string>;
  }

  async #claim(): Promise<void> {
    [this.#task] = (await this.#lanes.claim(() => 1)).taken;
    expect(this.#task?.id).toBe(this.#id);
  }

  #answer(task: Taken, goOn: boolean) {
    return this.#lanes.settle(task, { keys: [this.#out], commands: [["XADD", this.#out, "*", "to", task.id]] }, () => goOn);
  }

  async #bury(): Promise<void> {
    const { deadLetters } = streamKeys(this.#redis.witness);
    const fields = ["platform", "p", "channel", "c"].map((text) => Buffer.from(text));
    const letter = { stream: this.#stream, group, entry: this.#id, attempts: 1, reason: "test", fields };
    const writes = { keys: [deadLetters], commands: [deadLetterCommand(deadLetters, letter)] };
    expect(await this.#lanes.settle(this.#task!, writes, () => true)).toEqual({ isOver: false, hasMore: false });
    const listed = await this.#letters.list(1000);
    this.#letter = listed.find(({ entry, stream }) => entry === this.#id && stream === this.#stream)!.id;
  }

  #giveUp(restMs: number, isCounted: boolean): Promise<boolean> {
    return this.#lanes.giveUp(this.#task!, { restMs, isCounted });
  }

  /** The end of a lease or of a rest, brought forward. */
  async #timePasses(): Promise<void> {
    expect(await this.#redis.witness.zadd(laneKeys(this.#stream).lanes, "XX", "CH", 1, lane)).toBe(1);
  }

  /** The state, as the keys have it. */
  async #state(): Promise<string> {
    const { witness } = this.#redis;
    const { waiting, lanes, heads } = laneKeys(this.#stream);
    const letters = await this.#letters.list(1000);
    if (letters.some(({ id }) => id === this.#letter)) return "buried";
    if (this.#replayed !== "") return (await witness.xlen(this.#stream)) === 2 ? "replayed" : "unknown";
    if (this.#letter !== "") return "dropped";
    const answers = (await witness.xrange(this.#out, "-", "+")).filter(([, [, to]]) => to === this.#id);
    const isPending = ((await witness.xpending(this.#stream, group, this.#id, this.#id, 1)) as unknown[]).length === 1;
    const padded = this.#id.replaceAll(/\d+/g, (part) => part.padStart(20, "0"));
    const isRouted = (await witness.zscore(waiting, `${lane}\0${padded}`)) !== null;
    if (answers.length > 0) return answers.length === 1 && !isPending && !isRouted ? "answered" : "unknown";
    if (!isPending && !isRouted) return "accepted";
    const head = (await witness.hget(heads, lane)) ?? "";
    if (!head.endsWith(`:${this.#id}`)) return "waiting";
    const [seconds, micros] = await witness.time();
    const isDue = Number(await witness.zscore(lanes, lane)) <= Number(seconds) * 1_000_000 + Number(micros);
    if (isDue) return "waiting";
    return head.startsWith("0:") ? "resting" : "working";
  }

  /** All that the scripts may write, apart from what a look changes. */
  async #everything(): Promise<unknown> {
    const { witness } = this.#redis;
    const { waiting, lanes, heads, fence, routed } = laneKeys(this.#stream);
    return Promise.all([
      witness.xrange(this.#stream, "-", "+"),
      witness.xrange(this.#out, "-", "+"),
      witness.xpending(this.#stream, group),
      witness.zrange(waiting, 0, "-1"),
      witness.zrange(lanes, 0, "-1", "WITHSCORES"),
      witness.hgetall(heads),
      witness.mget(fence, routed),
      this.#letters.get(this.#letter || "1-1"),
    ]);
  }

  #illegalCalls(state: string): readonly Call[] {
    const wrong = { lane, id: this.#id, failures: 0, lost: 0, fields: [] };
    if (this.#task !== undefined) this.#tokens.add(this.#task.token);
    const isHeld = (token: number) => state === "working" && token === this.#task?.token;
    const tokens = [0, 999_999, ...this.#tokens].filter((token) => !isHeld(token));
    const isOver = { isOver: true, hasMore: false };
    const stale = tokens.flatMap((token): Call[] => {
      const task: Taken = { ...wrong, token };
      return [
        [`settle ${token}`, () => this.#answer(task, true), isOver],
        [`give up ${token}`, () => this.#lanes.giveUp(task, { restMs: 0, isCounted: true }), false],
        [`renew ${token}`, () => this.#lanes.renew([task]), [token]],
      ];
    });
    const otherId: Call[] =
      this.#task === undefined ? [] : [["settle another entry", () => this.#answer({ ...this.#task!, id: "1-1" }, true), isOver]];
    const isClaimable = state === "accepted" || state === "replayed" || (state === "waiting" && this.#before === undefined);
    const claims: Call[] = isClaimable ? [] : [["claim", async () => (await this.#lanes.claim(() => 4)).taken, []]];
    const id = this.#letter || "1-1";
    const letters: Call[] = [
      ["replay", () => this.#letters.replay({ id, stream: this.#stream }), undefined],
      ["drop", () => this.#letters.drop(id), false],
    ];
    return [...stale, ...otherId, ...claims, ...(state === "buried" ? [] : letters)];
  }
}
