/** `chat`: a conversation with the fleet, through its gateway. */
import type { RedisPlace } from "../../machines/index.ts";
import { isRunning } from "../../machines/phases.ts";
import { cleanLines } from "../clean.ts";
import { numberIn } from "../environment.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { withRedis } from "../fleet/connect.ts";
import { tokenOf } from "../fleet/locate.ts";
import type { RegistryEntry } from "../registry/registry.ts";
import { Registry } from "../registry/registry.ts";
import { number, object, text } from "../schema.ts";
import type { Arguments, Command } from "./command.ts";
import { refuse } from "./command.ts";
import { ask, converse } from "./conversation.ts";
import { urlFrom } from "./health-client.ts";
import { invocation } from "./invocation.ts";
import { findPlace, placeDetails, placeOptions, placeSynopsis } from "./place.ts";
import { print } from "./print.ts";

/** ms for an answer: what a model may take by default, three times, and a little more */
const answerTimeoutMs = 190_000;

const failed = (message: string): StargazerError => new StargazerError("SG_ERR_FAILED", message);

const httpReader = object({ host: text(253), port: number });

/** Where the gateway is reached, or why it is not. */
const addressOf = (entry: RegistryEntry): { readonly url: string } | { readonly problem: string } => {
  try {
    return { url: urlFrom(entry, httpReader(entry.metadata.http, "http")) };
  } catch (error) {
    return { problem: `${entry.instance}: ${messageOf(error)}` };
  }
};

/** Why there is no gateway, and what to do: with services, the fleet is one that was started without. */
const withoutGateway = async (place: RedisPlace): Promise<string> => {
  const entries = await withRedis(place, (redis) => new Registry(redis).list());
  const names = [...new Set(entries.map(({ service }) => service))].sort();
  if (names.length === 0) return `no gateway is registered in ${place.label}. Start a fleet: ${invocation()} up`;
  const shown = names.length > 5 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ");
  const start = `${invocation()} up --tier gateway=1 --tier inference=1`;
  return `the fleet in ${place.label} runs without a gateway: it has ${shown}. A chat needs the two tiers of messages: ${start}`;
};

/** The address of a gateway: a running one if there is one, and another one than `last` if possible. */
const findGateway = async (place: RedisPlace, last?: string): Promise<string> => {
  const entries = await withRedis(place, (redis) => new Registry(redis).list("gateway"));
  const ordered = entries.sort((a, b) => Number(isRunning(b.status)) - Number(isRunning(a.status)));
  if (ordered.length === 0) throw failed(await withoutGateway(place));
  const addresses = ordered.map(addressOf);
  const urls = addresses.flatMap((address) => ("url" in address ? address.url : []));
  const url = urls.find((one) => one !== last) ?? urls[0];
  if (url !== undefined) return url;
  const problems = addresses.flatMap((address) => ("problem" in address ? address.problem : [])).slice(0, 3);
  throw failed(`no gateway in ${place.label} has an address that can be reached from here: ${problems.join("; ")}`);
};

/** A likely reason for an answer that takes long. */
const explainIn = async (place: RedisPlace): Promise<string | undefined> => {
  const workers = await withRedis(place, (redis) => new Registry(redis).list("inference"));
  if (workers.some(({ status }) => isRunning(status))) return "a worker is running; the answer takes long, or others are first";
  return `no worker is running in ${place.label}: the message waits for one. See: ${invocation()} fleet`;
};

const readTimeout = (args: Arguments): number => {
  const text = args.text("timeout");
  const seconds = text === undefined ? answerTimeoutMs / 1000 : numberIn(text);
  if (seconds > 0 && seconds <= 86_400) return seconds * 1000;
  args.problems.push("--timeout is a number of seconds, at most 86400");
  return answerTimeoutMs;
};

/** The one message that is sent; undefined for a conversation. */
const readOnce = (args: Arguments): string | undefined => {
  const once = args.text("once");
  if (args.positionals.length === 0) return once;
  if (once !== undefined) args.problems.push("the message is given twice: as --once and without it");
  return args.positionals.join(" ");
};

export const chat: Command = {
  name: "chat",
  summary: "sends messages to the fleet through its gateway",
  synopsis: `[TEXT | --once TEXT] [--timeout S] ${placeSynopsis}`,
  details: [
    ["TEXT", "sends this one message, prints its reply and exits; exits 1 where it has no answer"],
    ["--once TEXT", "the same, also for a text that begins with -"],
    ["--timeout S", `seconds that an answer may take; default ${answerTimeoutMs / 1000}, since a model may be asked three times`],
    ...placeDetails,
    "A fleet that `up` runs here is chatted with by its token; for another one SG_TOKEN has it.",
  ],
  options: { once: { type: "string" }, timeout: { type: "string" }, ...placeOptions },
  async run(args: Arguments) {
    const once = readOnce(args);
    const timeoutMs = readTimeout(args);
    refuse(args, chat);
    const place = await findPlace(args, chat);
    const token = await tokenOf(place);
    // before a conversation begins, so that what is missing is printed at once
    await findGateway(place);
    const explain = () => explainIn(place);
    const conversation = { findGateway: (last?: string) => findGateway(place, last), token, answerTimeoutMs: timeoutMs, explain };
    if (once === undefined) return (await converse(conversation)) ? 0 : 1;
    print(cleanLines(await ask(conversation, once)));
    return 0;
  },
};
