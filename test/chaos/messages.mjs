/** The scenario `messages`: conversations by WebSocket and by stream, while everything that takes part is harmed. */
import { setTimeout as pause } from "node:timers/promises";
import { messageKeys } from "../../dist/src/tiers/messages/keys.js";
import { harm } from "./harms.mjs";
import { countPending, entriesAfter, keysLeft } from "./keys.mjs";
import { randomFrom } from "./random.mjs";
import { Conversation, countAll, indexIn, numberIn } from "./tally.mjs";
import { Visitor } from "./visitors.mjs";
import { platform, Writer } from "./writers.mjs";

const leaseMs = 1500;
const perSecond = 400;
/** messages without an answer, of one conversation: the log keeps more lines than these and their answers */
const backlog = { unansweredPerConversation: 200, unanswered: 10_000 };
const fast = { perS: 10_000, burst: 10_000 };
/** ms without any progress after which the rest is given up */
const stuckMs = 60_000;

/** Settings of the tiers. */
export const settings = {
  limits: { ...backlog, conversation: fast, address: fast, frames: fast },
  work: { leaseMs, graceMs: 1000 },
  thinkMs: [0, 4],
};

const quick = { messages: 600, channels: 40, decks: 1, everyMs: [250, 550] };
const whole = { messages: 20_000, channels: 200, decks: 2, everyMs: [400, 1600] };
const platforms = ["webchat", platform];

const openConversations = async ({ redis, processes }, channels) => {
  const client = await redis.connect();
  const addresses = () => processes.addresses;
  return Array.from({ length: channels }, (_, index) => {
    const conversation = new Conversation(index);
    return index % 2 === 0 ? new Visitor(conversation, addresses) : new Writer(conversation, { redis: client, backlog });
  });
};

/** Few conversations have most of the messages. */
const send = async (world, senders, { messages, random, rate }) => {
  const startedAt = performance.now();
  for (let done = 0; done < messages && !world.isOver; ) {
    const due = Math.min(messages, Math.ceil(((performance.now() - startedAt) / 1000) * rate));
    for (; done < due; done += 1) senders[Math.floor(senders.length * random.next() ** 3)].send();
    await pause(10);
  }
};

/** Reads the answers as they are written. */
class Answers {
  #redis;
  #conversations;
  #read = new Map(platforms.map((name) => [name, "0-0"]));

  constructor(redis, conversations) {
    this.#redis = redis;
    this.#conversations = conversations;
  }

  async readOn() {
    const { outbound } = messageKeys(this.#redis);
    for (const [name, id] of this.#read) {
      for (let from = id, entries; entries === undefined || entries.length > 0; ) {
        entries = await entriesAfter(this.#redis, outbound(name), from);
        for (const { entry, role, text } of entries) {
          from = entry;
          this.#read.set(name, from);
          if (role === "assistant") this.#conversations[indexIn(text)].atStream.add(numberIn(text));
        }
      }
    }
  }
}

const isDone = ({ stream, client }, sent, pending) =>
  stream.accepted + stream.refused === sent &&
  stream.answered >= stream.accepted &&
  client.answered >= client.accepted &&
  pending === 0;

const look = async (answers, redis) => {
  await answers.readOn();
  return countPending(redis);
};

/** Until every message has been accepted, answered and seen, or nothing has changed for long. */
const settle = async (world, { answers, conversations, redis, messages, harming, progress }) => {
  let isCalm = false;
  void harming.then(() => {
    isCalm = true;
  });
  let [last, since] = ["", performance.now()];
  while (!world.isOver) {
    // Redis may be away
    const pending = await look(answers, redis).catch(() => undefined);
    const counts = countAll(conversations);
    progress(counts, pending);
    if (isCalm && isDone(counts, messages, pending?.pending)) return;
    const now = JSON.stringify([counts, pending]);
    if (now !== last || !isCalm) [last, since] = [now, performance.now()];
    if (performance.now() - since > stuckMs) return;
    await pause(100);
  }
};

const isRight = ({ stream, client, pending, deadLetters, leftovers, odd }) =>
  stream.accepted === stream.answered &&
  client.accepted === client.answered &&
  [
    ...[stream.refused, stream.lost, stream.twice, stream.outOfOrder, stream.notices],
    ...[client.neverSeen, client.twice, client.outOfOrder, pending, deadLetters, leftovers.length, odd.length],
  ].every((count) => count === 0);

/** Resolves with the counts. */
export const runMessages = async (world, options) => {
  const { messages, channels, decks, everyMs } = { ...(options.quick ? quick : whole), ...options.given };
  const random = randomFrom(options.seed);
  const [sending, harmed] = [randomFrom(random.below(2 ** 31)), randomFrom(random.below(2 ** 31))];
  await Promise.all([world.processes.start("inference", 4), world.processes.start("gateway", 2)]);
  const senders = await openConversations(world, channels);
  const conversations = senders.map(({ conversation }) => conversation);
  world.visitors = senders.filter((one) => one instanceof Visitor);
  const redis = await world.redis.connect({ asAdmin: true });
  const answers = new Answers(redis, conversations);
  const sent = new AbortController();
  const harming = harm(world, { random: harmed, everyMs, leaseMs, decks, signal: sent.signal });
  const rate = options.quick ? 120 : perSecond;
  const progress = ({ stream, client }, pending) => {
    const seen = `${client.answered} of ${client.accepted} seen${pending === undefined ? ", Redis is away" : ""}`;
    options.progress(`${stream.accepted} of ${messages} accepted, ${stream.answered} answered, ${seen}`);
  };
  const sentAll = send(world, senders, { messages, random: sending, rate }).then(() => sent.abort());
  await settle(world, { answers, conversations, redis, messages, harming, progress });
  const [harms] = await Promise.all([harming, sentAll]);
  for (const one of senders) one.stop();
  await world.processes.end();
  await answers.readOn();
  const { kinds, leftovers } = await keysLeft(redis, platforms);
  const counts = { ...countAll(conversations), ...(await countPending(redis)), leftovers, odd: world.processes.odd };
  return { ok: isRight(counts) && counts.stream.accepted === messages, messages, channels, ...counts, harms, keys: kinds };
};
