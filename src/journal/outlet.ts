/**
 * Where the messages of one boot go: over the registry's connection, and until that is ready over the one that has passed the ping gate. That
 * one is ready when code of the tier runs first, which may block the event loop or end the process; the registry's may not be.
 */
import type { RedisClient } from "../redis/client.ts";
import type { Argument } from "../redis/commands.ts";
import type { Script } from "../redis/script.ts";
import { runScript } from "../redis/script.ts";
import { callUnprefixed } from "../redis/unprefixed.ts";

export class Outlet {
  readonly #registry: RedisClient;
  #gated: RedisClient | undefined;
  readonly #unanswered = new Map<RedisClient, number>();

  constructor(registry: RedisClient) {
    this.#registry = registry;
  }

  /** `gated` has passed the ping gate. */
  open(gated: RedisClient): void {
    if (gated !== this.#registry) this.#gated = gated;
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
    const sent =
      client === this.#gated
        ? callUnprefixed(client, "eval", script.lua, keys.length, ...keys, ...args)
        : runScript(client, script, { keys, args });
    await this.#counted(client, sent);
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
    return client === this.#gated ? callUnprefixed(client, command, key, ...args) : client.call(command, key, ...args);
  }

  #counted(client: RedisClient, sent: Promise<unknown>): Promise<unknown> {
    this.#unanswered.set(client, this.unanswered(client) + 1);
    return sent.finally(() => this.#unanswered.set(client, this.unanswered(client) - 1));
  }
}
