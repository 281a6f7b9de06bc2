/** Dead letters: messages that failed too often, or that cannot be read; written with a reason, and kept to be replayed or dropped. */
import type { RedisClient } from "../redis/client.ts";
import type { Command } from "../redis/commands.ts";
import { runScript, script } from "../redis/script.ts";
import type { RawFields } from "./fields.ts";
import { streamKeys } from "./keys.ts";
import type { Retention } from "./trim.ts";

export interface DeadLetter {
  /** the key of the stream that it was read from, and the group */
  readonly stream: string;
  readonly group: string;
  /** the id of its entry there */
  readonly entry: string;
  /** attempts that were begun */
  readonly attempts: number;
  readonly reason: string;
  readonly fields: RawFields;
}

/** The fields as a JSON list, byte for byte: a byte beyond ASCII stands for itself. */
const jsonOf = (fields: RawFields): Buffer =>
  Buffer.from(JSON.stringify(fields.map((field) => Buffer.from(field).toString("latin1"))), "latin1");

const maxReasonLength = 500;

/** The command that writes a dead letter. */
export const deadLetterCommand = (deadLetters: string, letter: DeadLetter): Command => [
  ...["XADD", deadLetters, "*"],
  ...["stream", letter.stream, "group", letter.group, "entry", letter.entry],
  ...["attempts", letter.attempts, "reason", letter.reason.slice(0, maxReasonLength)],
  ...["fields", jsonOf(letter.fields)],
];

const dayMs = 86_400_000;

/** Dead letters are kept for 30 days, 10000 at most. */
export const deadLetterRetention = (client: Pick<RedisClient, "isCluster">): Retention => ({
  stream: streamKeys(client).deadLetters,
  groups: [],
  retainMs: 30 * dayMs,
  maxLength: 10_000,
});

/** A dead letter as it is read. */
export interface ReadLetter {
  /** its id among the dead letters; its first part is when it was written, ms since the epoch */
  readonly id: string;
  /** the stream that the message came from, where a replay puts it back */
  readonly stream: string;
  readonly group: string;
  /** the id of its entry there */
  readonly entry: string;
  readonly attempts: number;
  readonly reason: string;
  /** names and values in turns; bytes that are not UTF-8 are replaced */
  readonly fields: readonly string[];
}

const listOf = (json: string): string[] => {
  try {
    const list: unknown = JSON.parse(json);
    return Array.isArray(list) ? list.map(String) : [];
  } catch {
    return [];
  }
};

const readLetter = ([id, flat]: [string, string[]]): ReadLetter => {
  const value = (name: string): string => {
    const at = flat.indexOf(name);
    return at >= 0 && at % 2 === 0 ? (flat[at + 1] ?? "") : "";
  };
  const [stream, group, entry, reason] = [value("stream"), value("group"), value("entry"), value("reason")];
  return { id, stream, group, entry, attempts: Number(value("attempts")), reason, fields: listOf(value("fields")) };
};

/** The dead letters of a Redis. Every method rejects with Redis' error. */
export class DeadLetters {
  readonly #redis: RedisClient;
  readonly #key: string;

  constructor(redis: RedisClient) {
    this.#redis = redis;
    this.#key = streamKeys(redis).deadLetters;
  }

  /** The newest, newest first. */
  async list(count: number): Promise<readonly ReadLetter[]> {
    return (await this.#redis.xrevrange(this.#key, "+", "-", "COUNT", count)).map(readLetter);
  }

  /** One of them, or undefined. */
  async get(id: string): Promise<ReadLetter | undefined> {
    const [entry] = await this.#redis.xrange(this.#key, id, id);
    return entry === undefined ? undefined : readLetter(entry);
  }

  /**
   * Puts the message back at the end of its stream, and so of its lane, and deletes the letter, in one step: it is put back once.
   * Resolves with the id of the new entry; with undefined, and nothing changed, where there is no such letter any more.
   */
  async replay({ id, stream }: Pick<ReadLetter, "id" | "stream">): Promise<string | undefined> {
    const reply = await runScript(this.#redis, replayScript, { keys: [this.#key, stream], args: [id] });
    return typeof reply === "string" ? reply : undefined;
  }

  /** Deletes a letter. Resolves with whether it was there. */
  async drop(id: string): Promise<boolean> {
    return (await this.#redis.xdel(this.#key, id)) === 1;
  }
}

/**
 * KEYS deadLetters, stream. ARGV id. Returns the id of the new entry, or nil where there is no letter of that id from that stream with
 * fields that can be written: those of a message that was gone or too large are not kept.
 */
const replayScript = script(`
local letter = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not letter then return false end
local values = {}
for at = 1, #letter[2], 2 do values[letter[2][at]] = letter[2][at + 1] end
local fields = values.stream == KEYS[2] and cjson.decode(values.fields or '[]') or {}
if #fields == 0 or #fields % 2 == 1 or #fields > 4000 then return false end
local id = redis.call('XADD', KEYS[2], '*', unpack(fields))
redis.call('XDEL', KEYS[1], ARGV[1])
return id`);
