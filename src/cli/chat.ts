/** `chat`: a conversation with the fleet, through its gateway. */
import type { RedisPlace } from "../../machines/index.ts";
import { isRunning } from "../../machines/phases.ts";
import { cleanLines } from "../clean.ts";
import { StargazerError } from "../errors.ts";
import { withRedis } from "../fleet/connect.ts";
import { tokenOf } from "../fleet/locate.ts";
import type { RegistryEntry } from "../registry/registry.ts";
import { Registry } from "../registry/registry.ts";
import { number, object, text } from "../schema.ts";
import type { WebchatAnswer } from "../tiers/gateway/webchat.ts";
import type { Arguments, Command } from "./command.ts";
import { refuse, refusePositionals } from "./command.ts";
import type { Gateway } from "./conversation.ts";
import { converse, within } from "./conversation.ts";
import { urlFrom } from "./health-client.ts";
import { findPlace, placeDetails, placeOptions, placeSynopsis } from "./place.ts";
import { print } from "./print.ts";
import { openWebchat } from "./webchat-client.ts";

/** ms from a message to its reply */
const replyTimeoutMs = 10_000;

const failed = (message: string): StargazerError => new StargazerError("SG_ERR_FAILED", message);

const httpReader = object({ host: text(253), port: number });

/** Undefined where its entry names no address that can be reached from here. */
const urlOf = (entry: RegistryEntry): string | undefined => {
  try {
    return urlFrom(entry, httpReader(entry.metadata.http, "http"));
  } catch {
    return undefined;
  }
};

/** The address of a gateway; one that is running is preferred. */
const findGateway = async (place: RedisPlace): Promise<string> => {
  const entries = await withRedis(place, (redis) => new Registry(redis).list("gateway"));
  const ordered = entries.sort((a, b) => Number(isRunning(b.status)) - Number(isRunning(a.status)));
  const url = ordered.flatMap((entry) => urlOf(entry) ?? [])[0];
  if (url === undefined && ordered.length > 0)
    throw failed(`no gateway in ${place.label} has an address that can be reached from here. See: stargazer fleet`);
  if (url === undefined) throw failed(`no gateway is registered in ${place.label}. Start a fleet: stargazer up`);
  return url;
};

/** Sends one message and resolves with its reply. */
const ask = async (gateway: Gateway, text: string): Promise<string> => {
  const over = new AbortController();
  const { promise: reply, onAnswer } = firstReply();
  const late = failed(`no reply within ${replyTimeoutMs / 1000} s. Are all tiers running? See: stargazer fleet`);
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
