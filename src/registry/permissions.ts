/** Whether the user may do all that the registry's writer does: each command is asked in a form that changes nothing. */
import type { RedisClient } from "../redis/client.ts";
import { adviceFor, isUnknownCommand } from "../redis/reason.ts";
import type { Script } from "../redis/script.ts";
import { script } from "../redis/script.ts";
import { Unfit } from "../redis/unfit.ts";
import { callUnprefixed } from "../redis/unprefixed.ts";
import { until } from "../until.ts";
import type { InstanceName } from "./entry.ts";
import { registryKeys } from "./keys.ts";

/** In the error of a command that is refused whatever its arguments are. */
const refusals = [
  ...["executing the script", "ermissions", "READONLY", "MASTERDOWN", "NOREPLICAS"],
  ...["Unknown Redis command", "nsupported command", "not available", "not allowed from", "undeclared key"],
];

/**
 * Redis checks permissions before arguments: a command with wrong arguments is refused, or fails for them, and never writes.
 * KEYS, then the lines of ARGV: entry, tombstone, index, services, events; then, if a journal is to be written, known, journal, ending,
 * ends, flight. Ten words of a command at most: to one of more a server that asks for a password replies nothing, and closes.
 * Returns {command, key, error, room} for each that is refused; without arguments it asks nothing.
 */
const asking = `
if #ARGV == 0 then return {} end
local keys = {}
for _, key in ipairs(KEYS) do keys[#keys + 1] = key end
for key in string.gmatch(ARGV[1], '[^\\n]+') do keys[#keys + 1] = key end
local refused = {}
local room = 'registry'
local function ask(command, key, ...)
  local reply
  if key then reply = redis.pcall(command, key, ...) else reply = redis.pcall(command) end
  local text = type(reply) == 'table' and reply.err
  for _, word in ipairs({ ${refusals.map((word) => `'${word}'`).join(", ")} }) do
    if text and string.find(text, word, 1, true) then
      refused[#refused + 1] = { command, key or '', text, room }
      return false
    end
  end
  return true
end
ask('TIME')
ask('GETRANGE', keys[1], 0, 0)
`;

const askScript = script(`${asking}
ask('GET', keys[2])
ask('SET', keys[1], '', 'NX', 'XX')
ask('SET', keys[2], '', 'NX', 'XX')
ask('PEXPIRE', keys[1], 'never')
ask('DEL', keys[1] .. ':gate')
ask('ZADD', keys[3], 'none', '')
ask('ZREM', keys[3], '')
ask('ZCARD', keys[3])
if ask('SREM', keys[4], '') and ask('SADD', keys[4], '') then redis.pcall('SREM', keys[4], '') end
ask('XADD', keys[5], '0-0', '', '')
if keys[6] then
  room = 'journal'
  ask('HSET', keys[6], '', '', '')
  ask('HGET', keys[6], '')
  ask('HDEL', keys[6], '')
  ask('XADD', keys[7], '0-0', '', '')
  ask('ZADD', keys[8], 'none', '')
  ask('ZREM', keys[8], '')
  ask('HLEN', keys[9])
  ask('HEXISTS', keys[9], '')
  ask('HINCRBY', keys[9], '', 'none')
  ask('SET', keys[10], '', 'NX', 'XX')
end
return refused`);

/** What a listing sends. KEYS, then the lines of ARGV: an entry, services, index, events. */
const listing = `${asking}
ask('SMEMBERS', keys[2])
ask('ZRANGE', keys[3], 0, 0)
`;
const askListScript = script(`${listing}
return refused`);

/** The same for a watch, which takes ended leases out of the index. */
const askWatchScript = script(`${listing}
ask('XREVRANGE', keys[4], '+', '-', 'COUNT', 1)
ask('XREAD', 'COUNT', 1, 'STREAMS', keys[4], '$')
ask('ZRANGEBYSCORE', keys[3], '0', '0')
ask('PTTL', keys[1])
ask('ZREM', keys[3], '')
ask('ZADD', keys[3], 'none', '')
ask('ZCARD', keys[3])
ask('SREM', keys[2], '')
ask('XADD', keys[4], '0-0', '', '')
return refused`);

/** What a service sends for its journal beside them. */
export const journalCommands = ["hset", "hget", "hdel", "hlen", "hexists", "hincrby"];

/** Every command that a service sends for its place in the registry, the ping gate's and those in scripts included. */
export const registryCommands = [
  "ping info eval evalsha time get getrange set del pexpire zadd zrem zcard sadd srem xadd",
].flatMap((names) => names.split(" "));

/** Every command of a listing, and of the commands that show the fleet. */
export const readerCommands = "ping info eval evalsha time getrange smembers zrange xrevrange".split(" ");

/** What a watch, and the fleet's page, send beside them. */
export const watcherCommands = "xread zrangebyscore pttl zrem zadd zcard srem xadd".split(" ");

type Refused = readonly [command: string, key: string, error: string, room: "registry" | "journal"];

const textOf = (error: unknown): string => String((error as { message?: unknown } | undefined)?.message ?? error);
/** A server that refuses to run a script which changes nothing would refuse each write, for any reason; another node may not know its hash. */
const refusedBy =
  (command: string, key = "") =>
  (error: unknown): Refused[] => {
    const text = textOf(error);
    if (text.startsWith("NOSCRIPT")) return [];
    if (!text.startsWith("NOPERM") && !isUnknownCommand(text)) throw error;
    return [[command, key, text, "registry"]];
  };

/**
 * Sent as it is called, in one round trip. Rejects with `Unfit`, which names every command and key of the registry that is refused, and
 * with READONLY or NOREPLICAS for a server that takes no writes. With `hasJournal` it resolves with what the journal lacks, or an empty text.
 */
export const checkPermissions = async (
  redis: RedisClient,
  { service, instance }: InstanceName,
  { hasJournal = false }: { readonly hasJournal?: boolean } = {},
): Promise<string> => {
  const { service: entry, released, index, services, events, known, journal, ending, ends, flight } = registryKeys(redis);
  const keys = [entry(service, instance), released(service, instance), index(service), services, events];
  const further = hasJournal ? [known(service), journal, ending, ends, flight(service, instance)] : [];
  // on a Cluster a key names the node; elsewhere none does, since a script is refused as a whole for a key that the user may not use
  const [named, listed] = redis.isCluster ? [keys.slice(0, 1), [...keys.slice(1), ...further]] : [[], [...keys, ...further]];
  const asked = callUnprefixed(redis, "eval", askScript.lua, named.length, ...named, listed.join("\n")) as Promise<Refused[]>;
  const [inScripts, byHash] = await Promise.all([
    asked.catch(refusedBy("EVAL", named[0])),
    // behind EVAL, so that it is no error reply, at which a client of the caller's may reconnect (reconnectOnError)
    callUnprefixed(redis, "evalsha", askScript.sha, named.length, ...named).then(() => [], refusedBy("EVALSHA")),
  ]);
  const all = [...(Array.isArray(inScripts) ? inScripts : []), ...byHash];
  const [refused, missed] = [all.filter(([, , , room]) => room !== "journal"), all.filter(([, , , room]) => room === "journal")];
  if (refused.length > 0) throw refusal(refused);
  if (missed.length === 0) return "";
  const { message, advice } = notPermitted(missed);
  return `${message}. ${advice}`;
};

/** ms for the dry runs that find the refused command or key */
const timeoutMs = 1000;

/** Whether `error` is a refusal for lack of permission. */
export const isDenied = (error: unknown): boolean => /NOPERM|permissions|can't run this command/.test(textOf(error));

/**
 * The clause that names the refused command or key, if `error` is a refusal: the error of a script names neither.
 * Undefined for another error, and where nothing is found in time.
 */
export const deniedReason = async (redis: RedisClient, error: unknown, name: InstanceName): Promise<string | undefined> => {
  if (!isDenied(error)) return undefined;
  const asked = until(checkPermissions(redis, name), { signal: AbortSignal.timeout(timeoutMs), what: "what the user may do" });
  return asked.then(
    () => undefined,
    (refusal: unknown) => (refusal instanceof Unfit ? refusal.message : undefined),
  );
};

/** Asks a script of a reader's: resolves with what is refused, none where nothing is found in time. */
const refusedToReader = async (redis: RedisClient, { lua }: Script): Promise<readonly Refused[]> => {
  const { service, services, index, events } = registryKeys(redis);
  const [one, ...others] = [service("svc", "one"), services, index("svc"), events];
  const [named, listed] = redis.isCluster ? [[one!], others] : [[], [one!, ...others]];
  const sent = callUnprefixed(redis, "eval", lua, named.length, ...named, listed.join("\n"));
  const asked = until(sent, { signal: AbortSignal.timeout(timeoutMs), what: "what the user may read" }) as Promise<Refused[]>;
  return asked.catch((): Refused[] => []);
};

/** As `deniedReason`, for what lists the registry: the error of a reader's script. */
export const deniedToReader = async (redis: RedisClient, error: unknown): Promise<string | undefined> => {
  if (!/script/.test(textOf(error)) || !isDenied(error)) return undefined;
  const refused = await refusedToReader(redis, askListScript);
  return refused.length === 0 ? undefined : notPermitted(refused).message;
};

/** Rejects with `Unfit` where the user may not do all that a watch does, and with the error of a server that takes no writes. */
export const checkWatcher = async (redis: RedisClient): Promise<void> => {
  const refused = await refusedToReader(redis, askWatchScript);
  if (refused.length > 0) throw refusal(refused);
};

const isOfKey = ([, key, error]: Refused): boolean => key !== "" && /\bkeys?\b/.test(error);

/** Turned off for every user, renamed, or refused by a proxy: no permission helps. */
const isUnknown = ([, , error]: Refused): boolean => isUnknownCommand(error);

const notKnown = (refused: readonly Refused[]): Unfit => {
  const clause = `it does not know ${[...new Set(refused.map(([command]) => command))].join(", ")}`;
  return new Unfit(clause, adviceFor(clause)!);
};

/** The error of a server that takes no writes, else the verdict on the user. */
const refusal = (refused: readonly Refused[]): Error => {
  const ofServer = refused.find(([, , error]) => /READONLY|MASTERDOWN|NOREPLICAS|undeclared key/.test(error));
  return ofServer === undefined ? notPermitted(refused) : new Error(ofServer[2].replace(/^-/, ""));
};

const notPermitted = (refused: readonly Refused[]): Unfit => {
  const unknown = refused.filter(isUnknown);
  if (unknown.length > 0) return notKnown(unknown);
  const commands = [...new Set(refused.filter((one) => !isOfKey(one)).map(([command]) => command))];
  const keys = [...new Set(refused.filter(isOfKey).map(([, key]) => key.replace(/:gate$/, "")))];
  const verdict = [
    ...(commands.length > 0 ? [`its user may not run ${commands.join(", ")}`] : []),
    ...(keys.length > 0 ? [`its user may not use the key ${keys.join(", ")}`] : []),
  ].join(", and ");
  const rules = [
    ...commands.map((command) => `+${command.toLowerCase()}`),
    ...(keys.length > 0 ? [`${keyPattern(keys[0]!)}`] : []),
  ];
  return new Unfit(verdict, `Grant it to the user: ACL SETUSER <user> ${rules.join(" ")}`);
};

const keyPattern = (key: string): string => `~${key.slice(0, key.indexOf("sg:"))}sg:*`;
