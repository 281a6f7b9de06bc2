/** `dlq`: the dead letters, one by one: what failed and why, and whether it is tried again or dropped. */
import { withRedis } from "../fleet/connect.ts";
import type { RedisClient } from "../redis/client.ts";
import { timeOf } from "../redis/time.ts";
import type { ReadLetter } from "../streams/dead-letters.ts";
import { DeadLetters } from "../streams/dead-letters.ts";
import type { Arguments, Command } from "./command.ts";
import { jsonDetail, jsonOption, refuse, unknownWord, usageError } from "./command.ts";
import { findPlace, placeDetails, placeOptions, placeSynopsis } from "./place.ts";
import { print, printError, printJson } from "./print.ts";
import { duration, table } from "./terminal.ts";

/** Resolves with the exit code. */
type Action = (letters: DeadLetters, ids: readonly string[], args: Arguments, redis: RedisClient) => Promise<number>;

const defaultCount = 50;
const writtenAt = ({ id }: ReadLetter): number => Number(id.split("-")[0]);
const fieldOf = ({ fields }: ReadLetter, name: string): string | undefined => {
  const at = fields.indexOf(name);
  return at >= 0 && at % 2 === 0 ? fields[at + 1] : undefined;
};
const laneOf = (letter: ReadLetter): string =>
  ["platform", "channel"].flatMap((name) => fieldOf(letter, name) ?? []).join("/") || "-";

const titles = ["ID", "AGE", "ATTEMPTS", "CONVERSATION", "REASON"];
const rowOf = (letter: ReadLetter, now: number): string[] => [
  letter.id,
  duration(Math.max(0, now - writtenAt(letter))),
  String(letter.attempts),
  laneOf(letter).slice(0, 40),
  letter.reason,
];

const list: Action = async (letters, _ids, args, redis) => {
  const found = await letters.list(Number(args.text("count") ?? defaultCount));
  if (args.has("json")) printJson(found, 2);
  else if (found.length === 0) print("no dead letters");
  else {
    const width = process.stdout.isTTY ? process.stdout.columns : undefined;
    // an id has the time of Redis in it
    const now = await timeOf(redis);
    print(table([titles, ...found.map((letter) => rowOf(letter, now))], width === undefined ? {} : { width }));
  }
  return 0;
};

const missing = (id: string): void => printError(`there is no dead letter ${id}: stargazer dlq list has those that are kept`);

const linesOf = (letter: ReadLetter): string[] => {
  const { id, stream, group, entry, attempts, reason, fields } = letter;
  const named = fields.flatMap((name, at) => (at % 2 === 0 ? [`  ${name}: ${fields[at + 1] ?? ""}`] : []));
  return [
    `${id}, written ${new Date(writtenAt(letter)).toISOString()}`,
    `reason: ${reason}`,
    `attempts: ${attempts}`,
    `from: ${entry} in ${stream}, group ${group}`,
    ...(named.length > 0 ? ["fields:", ...named] : ["its fields were not kept: it cannot be replayed"]),
  ];
};

/** Applies a step to each letter. The exit code is 1 if one of them did not exist. */
const each = async (ids: readonly string[], what: (id: string) => Promise<boolean>): Promise<number> => {
  let code = 0;
  for (const id of ids) if (!(await what(id))) code = 1;
  return code;
};

const show: Action = (letters, ids, args) =>
  each(ids, async (id) => {
    const letter = await letters.get(id);
    if (letter === undefined) missing(id);
    else if (args.has("json")) printJson(letter, 2);
    else print(linesOf(letter));
    return letter !== undefined;
  });

const replay: Action = (letters, ids, args) =>
  each(ids, async (id) => {
    const letter = await letters.get(id);
    const entry = letter === undefined ? undefined : await letters.replay(letter);
    if (letter === undefined) missing(id);
    else if (entry === undefined)
      printError(`${id} cannot be replayed: it has been replayed or dropped, or its fields were not kept`);
    else if (args.has("json")) printJson({ id, stream: letter.stream, entry });
    else print(`${id} is put back once, at the end of its conversation ${laneOf(letter)}, as entry ${entry}`);
    return entry !== undefined;
  });

const drop: Action = (letters, ids, args) =>
  each(ids, async (id) => {
    const isDropped = await letters.drop(id);
    if (!isDropped) missing(id);
    else if (args.has("json")) printJson({ id, dropped: true });
    else print(`${id} is dropped`);
    return isDropped;
  });

const actions: Readonly<Record<string, Action>> = { list, show, replay, drop };

/** Every problem of the arguments of `dlq`. */
const problemsOf = ([name = "", ...ids]: readonly string[], count: string | undefined): string[] => {
  if (!Object.hasOwn(actions, name)) return [unknownWord("action", name, Object.keys(actions))];
  const isCount = count === undefined || /^[1-9]\d{0,4}$/.test(count);
  return [
    ...(name === "list" && ids.length > 0 ? [`unexpected argument ${JSON.stringify(ids[0])}`] : []),
    ...(name !== "list" && ids.length === 0 ? [`name the id of a dead letter (see: stargazer dlq list)`] : []),
    ...ids.filter((id) => !/^\d{1,20}(-\d{1,20})?$/.test(id)).map((id) => `${JSON.stringify(id)} is not an id`),
    ...(isCount ? [] : ["--count must be a whole number from 1 to 99999"]),
  ];
};

export const dlq: Command = {
  name: "dlq",
  summary: "the dead letters: lists, shows, replays or drops messages that could not be answered",
  synopsis: `list | show ID... | replay ID... | drop ID... [--count N] [--json] ${placeSynopsis}`,
  details: [
    ["list", `the newest ${defaultCount}, or --count N`],
    ["show ID", "all that is known of it, its fields too"],
    ["replay ID", "puts the message back once, at the end of its conversation, and deletes the dead letter"],
    ["drop ID", "deletes it"],
    jsonDetail,
    ...placeDetails,
  ],
  options: { count: { type: "string" }, ...jsonOption, ...placeOptions },
  async run(args: Arguments) {
    args.problems.push(...problemsOf(args.positionals, args.text("count")));
    refuse(args, dlq);
    const [name = "", ...ids] = args.positionals;
    const act = actions[name];
    if (act === undefined) throw usageError([`unknown ${JSON.stringify(name)}`], dlq.name);
    const place = await findPlace(args, dlq);
    return withRedis(place, (redis: RedisClient) => act(new DeadLetters(redis), ids, args, redis));
  },
};
