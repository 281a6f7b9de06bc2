/** A simulated Redis server: it may freeze, end, start again empty, and it runs the registry's scripts. */
import { deregisterScript, drawScript, registerScript, renewScript } from "../../src/registry/scripts.ts";
import type { VirtualClock } from "./clock.ts";
import { epochMs } from "./clock.ts";
import type { Random } from "./random.ts";
import type { Reply, ScriptName } from "./registry.ts";
import { SimulatedRegistry } from "./registry.ts";

const scripts: Readonly<Record<string, ScriptName>> = Object.fromEntries(
  Object.entries({ draw: drawScript, register: registerScript, renew: renewScript, deregister: deregisterScript }).flatMap(
    ([name, { lua, sha }]) => [
      [lua, name as ScriptName],
      [sha, name as ScriptName],
    ],
  ),
);

/** The effect of a write, reported at the moment it is applied. */
export interface Applied {
  readonly script: ScriptName;
  readonly keys: readonly string[];
  readonly args: readonly string[];
  readonly reply: Reply;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export interface ServerOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  /** how far the server's clock is off, in ms */
  readonly skewMs: number;
  readonly hasTombstones?: boolean;
  readonly onApplied: (applied: Applied) => void;
}

/** One end of a socket, as the server sees it. */
export interface Peer {
  /** the server closed it */
  reset(): void;
}

export class SimulatedServer {
  readonly registry: SimulatedRegistry;
  readonly #options: ServerOptions;
  readonly #known = new Set<string>();
  readonly #peers = new Set<Peer>();
  readonly #unread = new Map<Peer, (() => void)[]>();
  #isFrozen = false;
  isUp = true;
  /** commands that have not been applied yet, nor lost */
  underWay = 0;
  /** counts the starts: what was sent to an earlier one is lost */
  starts = 1;

  constructor(options: ServerOptions) {
    const { clock, skewMs, hasTombstones = true } = options;
    this.#options = options;
    this.registry = new SimulatedRegistry({ nowUs: () => Math.floor((epochMs + clock.now + skewMs) * 1000), hasTombstones });
  }

  /** Stops answering; connections stay, what is sent meanwhile waits. */
  freeze(): void {
    this.#isFrozen = true;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** Reads what has waited: in order on each connection, the connections in any order. */
  thaw(): void {
    this.#isFrozen = false;
    const unread = [...this.#unread.values()];
    this.#unread.clear();
    for (let left = unread.length; left > 0; left -= 1) {
      for (const read of unread.splice(this.#options.random.below(left), 1)[0]!) read();
    }
  }

  /** Ends at once: connections are reset, what is on its way is lost, and the data with it unless it was on disk. */
  kill({ keepsData }: { keepsData: boolean }): void {
    this.isUp = false;
    this.starts += 1;
    this.#known.clear();
    this.thaw();
    if (!keepsData) this.registry.flush();
    for (const peer of [...this.#peers]) peer.reset();
    this.#peers.clear();
  }

  start(): void {
    this.isUp = true;
  }

  forgetScripts(): void {
    this.#known.clear();
  }

  attach(peer: Peer): void {
    this.#peers.add(peer);
  }

  detach(peer: Peer): void {
    this.#peers.delete(peer);
  }

  /** Calls `read` when the server reads from its sockets: now, or once it has thawed. */
  whenReading(peer: Peer, read: () => void): void {
    const unread = this.#unread.get(peer);
    if (!this.#isFrozen) read();
    else if (unread) unread.push(read);
    else this.#unread.set(peer, [read]);
  }

  /** What the server answers to EVAL (`lua`) or EVALSHA; throws what is an error reply. */
  run(scriptOrSha: string, keys: readonly string[], args: readonly string[]): Reply {
    const script = scripts[scriptOrSha];
    if (script === undefined) throw new Error("ERR a script that the simulation does not know");
    const isWhole = scriptOrSha.length > 40;
    if (!isWhole && !this.#known.has(script)) throw new Error("NOSCRIPT No matching script.");
    this.#known.add(script);
    const [entry = ""] = keys;
    const before = this.registry.get(entry);
    const reply = this.registry.run(script, keys, args);
    if (script !== "draw") this.#options.onApplied({ script, keys, args, reply, before, after: this.registry.get(entry) });
    return reply;
  }
}
