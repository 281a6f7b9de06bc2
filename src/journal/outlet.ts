/**
 * Where the messages of one boot go: over the registry's connection, and until that is ready over the one that has passed the ping gate. That
 * one is ready when code of the tier runs first, which may block the event loop or end the process; the registry's may not be.
 */
import type { RedisClient } from "../redis/client.ts";
import type { Script } from "../redis/script.ts";
import { runScript } from "../redis/script.ts";
import { callScript } from "./scripts.ts";

type Argument = string | number;

/** What is done in one step; the script gets keys and arguments as one list. */
interface Call {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
}

/** Whether keys reach Redis as they are: a client may have a prefix for them, and only on a Cluster they have to be named as keys. */
const keepsKeys = ({ isCluster, options }: RedisClient): boolean =>
  !isCluster || !(options as { readonly keyPrefix?: string }).keyPrefix;

/** A client of the caller's may hold commands back: a pipeline is written when it is executed. */
const evaluated = async (client: RedisClient, { script, keys, args }: Call): Promise<unknown> => {
  const sent = client.pipeline().eval(script.lua, client.isCluster ? keys.length : 0, ...keys, ...args);
  const [[error, reply] = []] = (await sent.exec()) ?? [];
  if (error != null) throw error;
  return reply;
};

export class Outlet {
  readonly #registry: RedisClient;
  #gated: RedisClient | undefined;
  readonly #unanswered = new Map<RedisClient, number>();

  constructor(registry: RedisClient) {
    this.#registry = registry;
  }

  /** `gated` has passed the ping gate. */
  open(gated: RedisClient): void {
    if (gated !== this.#registry && keepsKeys(gated)) this.#gated = gated;
  }

  /** Whether what is sent now is written at once. */
  get isReady(): boolean {
    return this.#choose().status === "ready";
  }

  /** Whether what is sent now goes over that connection. */
  leadsTo(client: RedisClient): boolean {
    return this.#choose() === client;
  }

  /** Messages whose answer has not come: over that connection, or over all. */
  unanswered(client?: RedisClient): number {
    if (client !== undefined) return this.#unanswered.get(client) ?? 0;
    return [...this.#unanswered.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Sends a command whose answer nothing waits for. Rejects with the error of Redis. */
  async add(command: string, key: string, ...args: Argument[]): Promise<void> {
    const client = this.#choose();
    await this.#counted(client, this.#call(client, command, key, ...args));
  }

  /** As `add`, but the close of the connection waits for the answer. */
  async set(command: string, key: string, ...args: Argument[]): Promise<void> {
    await this.#call(this.#choose(), command, key, ...args);
  }

  /** As `add`, with a script. */
  async run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<void> {
    const client = this.#choose();
    const call = { script, keys, args };
    await this.#counted(client, client === this.#gated ? evaluated(client, call) : runScript(client, script, call));
  }

  /** The connection of the next message. The gate's is left once each message over it has been answered, so that messages stay in order. */
  #choose(): RedisClient {
    const gated = this.#gated;
    if (gated === undefined || gated.status !== "ready") return this.#registry;
    if (this.#registry.status !== "ready" || this.unanswered(gated) > 0) return gated;
    this.#gated = undefined;
    return this.#registry;
  }

  #call(client: RedisClient, command: string, key: string, ...args: Argument[]): Promise<unknown> {
    return client === this.#gated
      ? evaluated(client, { script: callScript, keys: [key], args: [command, ...args] })
      : client.call(command, key, ...args);
  }

  #counted(client: RedisClient, sent: Promise<unknown>): Promise<unknown> {
    this.#unanswered.set(client, this.unanswered(client) + 1);
    return sent.finally(() => this.#unanswered.set(client, this.unanswered(client) - 1));
  }
}
