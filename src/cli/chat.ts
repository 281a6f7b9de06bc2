/** `chat`: a conversation with the fleet, through its gateway. */
import type { RedisPlace } from "../../machines/index.ts";
import { isRunning } from "../../machines/phases.ts";
import { cleanLines } from "../clean.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { withRedis } from "../fleet/connect.ts";
import { tokenOf } from "../fleet/locate.ts";
import type { RegistryEntry } from "../registry/registry.ts";
import { Registry } from "../registry/registry.ts";
import { number, object, text } from "../schema.ts";
import type { WebchatAnswer } from "../tiers/gateway/webchat.ts";
import type { Arguments, Command } from "./command.ts";
import { refuse, refusePositionals } from "./command.ts";
import type { Gateway } from "./conversation.ts";
import { converse, noReply, within } from "./conversation.ts";
import { urlFrom } from "./health-client.ts";
import { invocation } from "./invocation.ts";
import { findPlace, placeDetails, placeOptions, placeSynopsis } from "./place.ts";
import { print } from "./print.ts";
import { openWebchat } from "./webchat-client.ts";

/** ms from a message to its reply */
const replyTimeoutMs = 10_000;

const failed = (message: string): StargazerError => new StargazerError("SG_ERR_FAILED", message);

const httpReader = object({ host: text(253), port: number });

/** Where it is reached, or why it is not. */
const addressOf = (entry: RegistryEntry): { readonly url: string } | { readonly problem: string } => {
  try {
    return { url: urlFrom(entry, httpReader(entry.metadata.http, "http")) };
  } catch (error) {
    return { problem: `${entry.instance}: ${messageOf(error)}` };
  }
};

/** The address of a gateway; one that is running is preferred. */
const findGateway = async (place: RedisPlace): Promise<string> => {
  const entries = await withRedis(place, (redis) => new Registry(redis).list("gateway"));
  const ordered = entries.sort((a, b) => Number(isRunning(b.status)) - Number(isRunning(a.status)));
  if (ordered.length === 0) throw failed(`no gateway is registered in ${place.label}. Start a fleet: ${invocation()} up`);
  const addresses = ordered.map(addressOf);
  const reached = addresses.find((address) => "url" in address);
  if (reached !== undefined) return reached.url;
  const problems = addresses.flatMap((address) => ("problem" in address ? address.problem : [])).slice(0, 3);
  throw failed(`no gateway in ${place.label} has an address that can be reached from here: ${problems.join("; ")}`);
};

/** Sends one message and resolves with its reply. */
const ask = async (gateway: Gateway, text: string): Promise<string> => {
  const over = new AbortController();
  const { promise: reply, onAnswer } = firstReply();
  const late = noReply(replyTimeoutMs);
  const asked = openWebchat({ ...gateway, onAnswer, signal: over.signal }).then((client) => {
    client.send(text);
    return Promise.race([reply, client.ended.then(() => reply)]).finally(client.close);
  });
  try {
    return await within(replyTimeoutMs, late, undefined, asked);
  } finally {
    over.abort(late);
    asked.catch(() => {});
  }
};

const firstReply = (): { promise: Promise<string>; onAnswer: (answer: WebchatAnswer) => void } => {
  let onAnswer: (answer: WebchatAnswer) => void = () => {};
  const promise = new Promise<string>((resolve, reject) => {
    onAnswer = (answer) => {
      if (answer.type === "reply") resolve(answer.text);
      if (answer.type === "error") reject(failed(`the gateway refused the message: ${answer.message}`));
    };
  });
  promise.catch(() => {});
  return { promise, onAnswer };
};

export const chat: Command = {
  name: "chat",
  summary: "sends messages to the fleet through its gateway",
  synopsis: `[--once TEXT] ${placeSynopsis}`,
  details: [
    ["--once TEXT", `sends one message, prints its reply and exits; fails after ${replyTimeoutMs / 1000} s without one`],
    ...placeDetails,
    "A fleet that `up` runs here is chatted with by its token; for another one SG_TOKEN has it.",
  ],
  options: { once: { type: "string" }, ...placeOptions },
  async run(args: Arguments) {
    refusePositionals(args, `: write --once "${args.positionals.join(" ")}"`);
    refuse(args, chat);
    const once = args.text("once");
    const place = await findPlace(args, chat);
    const token = await tokenOf(place);
    const gateway = { gateway: await findGateway(place), token };
    if (once === undefined) await converse(gateway, replyTimeoutMs);
    else print(cleanLines(await ask(gateway, once)));
    return 0;
  },
};
