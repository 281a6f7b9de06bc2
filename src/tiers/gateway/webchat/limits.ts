/**
 * The limits of one visitor at a gateway. A message costs one token and one more for each KiB, of its conversation and of its address;
 * an address also has a number of messages without an answer. What concerns Redis (the answers that a conversation and the fleet
 * wait for) is counted there, by `accept`.
 */
import { isIPv6 } from "node:net";
import { systemClock } from "../../../clock.ts";
import { isLoopback } from "../../../loopback.ts";
import type { Backlog } from "../../messages/accept.ts";
import { defaultBacklog } from "../../messages/accept.ts";
import type { Rate } from "./buckets.ts";
import { Buckets } from "./buckets.ts";
import type { BusyReason } from "./frames.ts";

export interface Limits extends Backlog {
  /** Of one conversation, and so of its sockets. Default 5 a second, 60 at once. */
  readonly conversation: Rate;
  /** Of all conversations of one address. Default 50 a second, 600 at once. */
  readonly address: Rate;
  /** Bytes of the texts of one address in any 24 hours, at this gateway: half of them at once, half evenly. Default 20 MiB. */
  readonly dailyBytes: number;
  /** Frames of any kind of one socket, which is closed beyond them. Default 50 a second, 200 at once. */
  readonly frames: Rate;
  /** messages of one address without an answer, at this gateway; default 200 */
  readonly unansweredPerAddress: number;
  /** sockets in all; default 10000 */
  readonly sockets: number;
  /** sockets of one address; default 200 */
  readonly socketsPerAddress: number;
}

export const defaultLimits: Limits = {
  ...defaultBacklog,
  conversation: { perS: 5, burst: 60 },
  address: { perS: 50, burst: 600 },
  dailyBytes: 20 * 1024 * 1024,
  frames: { perS: 50, burst: 200 },
  unansweredPerAddress: 200,
  sockets: 10_000,
  socketsPerAddress: 200,
};

/** The visitor that a limit counts. `address` is undefined for this machine, which has no limit by address. */
export interface Sender {
  readonly channel: string;
  readonly address: string | undefined;
}

const dayS = 86_400;

/** ms after which a message without an answer no longer counts for its address */
const forgottenMs = 600_000;

/** Seconds until a message may be sent, and why it may not be sent now. */
export interface Wait {
  readonly seconds: number;
  readonly reason: BusyReason;
}

/** An IPv6 address stands for its network of 64 bits, which one visitor has. */
const groupOf = (address: string): string => {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = "", tail] = address.split("%", 1)[0]!.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill("0");
  return [...left, ...zeros, ...right].slice(0, 4).join(":");
};

/**
 * The address that limits count by. A reverse proxy on this machine names the visitor last in `X-Forwarded-For`; without one a
 * connection from this machine has none.
 */
export const addressOf = (remote: string | undefined, forwarded: string | string[] | undefined): string | undefined => {
  const direct = groupOf(remote ?? "");
  if (!isLoopback(direct) && direct !== "0:0:0:0") return direct;
  const last = [forwarded ?? []].flat().join(",").split(",").at(-1)?.trim();
  return last === undefined || last === "" || last.length > 64 ? undefined : groupOf(last);
};

export class Limiter {
  readonly limits: Limits;
  readonly #conversations: Buckets;
  readonly #addresses: Buckets;
  readonly #daily: Buckets;
  /** the messages without an answer: of which address, since when */
  readonly #open = new Map<string, { readonly address: string; readonly at: number }>();
  readonly #openOf = new Map<string, number>();
  readonly #sockets = new Map<string, number>();
  readonly #now: () => number;

  constructor(limits: Partial<Limits> = {}, now: () => number = () => systemClock.now()) {
    this.limits = { ...defaultLimits, ...limits };
    this.#now = now;
    this.#conversations = new Buckets(this.limits.conversation, now);
    this.#addresses = new Buckets(this.limits.address, now);
    const half = this.limits.dailyBytes / 2;
    this.#daily = new Buckets({ perS: half / dayS, burst: half }, now);
  }

  /** Counts a message that is about to be accepted. Returns the wait where it may not be. */
  take({ channel, address }: Sender, bytes: number): Wait | undefined {
    const tokens = 1 + Math.floor(bytes / 1024);
    if (address !== undefined && (this.#openOf.get(address) ?? 0) >= this.limits.unansweredPerAddress)
      return { seconds: 5, reason: "address" };
    const own = this.#conversations.take(channel, tokens);
    if (own > 0) return { seconds: own, reason: "rate" };
    const shared = address === undefined ? 0 : this.#takeShared(address, tokens, bytes);
    if (shared === 0) return undefined;
    this.#conversations.give(channel, tokens);
    return { seconds: shared, reason: "address" };
  }

  #takeShared(address: string, tokens: number, bytes: number): number {
    const rate = this.#addresses.take(address, tokens);
    const day = rate > 0 ? rate : this.#daily.take(address, bytes);
    if (rate === 0 && day > 0) this.#addresses.give(address, tokens);
    return day;
  }

  /** A message was accepted and waits for its answer. */
  opened(id: string, { address }: Sender): void {
    if (address === undefined || this.#open.has(id)) return;
    this.#open.set(id, { address, at: this.#now() });
    this.#openOf.set(address, (this.#openOf.get(address) ?? 0) + 1);
  }

  /** A message has its answer. */
  answered(id: string): void {
    const address = this.#open.get(id)?.address;
    if (address === undefined) return;
    this.#open.delete(id);
    lower(this.#openOf, address);
  }

  /** Counts a socket. Returns false where it may not be opened; otherwise `left` follows once. */
  entered(address: string | undefined, all: number): boolean {
    if (all > this.limits.sockets) return false;
    if (address === undefined) return true;
    const count = this.#sockets.get(address) ?? 0;
    if (count >= this.limits.socketsPerAddress) return false;
    this.#sockets.set(address, count + 1);
    return true;
  }

  left(address: string | undefined): void {
    if (address !== undefined) lower(this.#sockets, address);
  }

  /** Forgets what no longer counts. */
  tidy(): void {
    this.#conversations.tidy();
    this.#addresses.tidy();
    this.#daily.tidy();
    const since = this.#now() - forgottenMs;
    for (const [id, { at }] of this.#open) if (at < since) this.answered(id);
  }
}

const lower = (counts: Map<string, number>, key: string): void => {
  const count = (counts.get(key) ?? 0) - 1;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
};
