/** The registry's scripts over a plain map, as Redis would run them. `test/registry/conformance.test.ts` holds it to the real ones. */

export interface Boot {
  readonly incarnation: number;
  readonly id: string;
}

interface Value {
  readonly text: string;
  /** ms on the server's clock */
  readonly until: number;
}

export type Reply = string | string[];
export type ScriptName = "draw" | "register" | "renew" | "deregister";

export interface RegistryOptions {
  /** Redis' TIME in µs, a whole number */
  readonly nowUs: () => number;
  /** false: what a registry that ignores deregistration would do, to see that the invariants notice */
  readonly hasTombstones?: boolean;
}

const largest = 2 ** 53 - 1;

const bootIn = (text: string | undefined, pattern: RegExp): Boot | undefined => {
  const [, digits, id] = pattern.exec(text ?? "") ?? [];
  if (digits === undefined || id === undefined || digits.length > 16 || Number(digits) > largest) return undefined;
  return { incarnation: Number(digits), id };
};

export const isNewer = (a: Boot, b: Boot): boolean =>
  a.incarnation > b.incarnation || (a.incarnation === b.incarnation && a.id > b.id);
const isSame = (a: Boot, b: Boot): boolean => a.incarnation === b.incarnation && a.id === b.id;

/** The boot that wrote an entry. */
export const writerOf = (text: string | undefined): Boot | undefined =>
  bootIn(text?.slice(0, 81), /^\{"incarnation":(\d+),"boot":"([0-9a-fA-F]+)"/);

export class SimulatedRegistry {
  readonly #options: RegistryOptions;
  readonly #values = new Map<string, Value>();
  /** `maxmemory` is reached, with `noeviction`: what grows the memory is refused as a script's first write */
  isFull = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  get(key: string): string | undefined {
    const value = this.#values.get(key);
    if (value === undefined || value.until > this.#nowMs()) return value?.text;
    this.#values.delete(key);
    return undefined;
  }

  set(key: string, text: string, ttlMs: number): void {
    this.#values.set(key, { text, until: this.#nowMs() + ttlMs });
  }

  /** ms that a key has left; -2, as in Redis, for a key that does not exist */
  ttlMs(key: string): number {
    return this.get(key) === undefined ? -2 : this.#values.get(key)!.until - this.#nowMs();
  }

  delete(key: string): void {
    this.#values.delete(key);
  }

  flush(): void {
    this.#values.clear();
  }

  /** The boot that holds an entry. */
  holder(key: string): Boot | undefined {
    return writerOf(this.get(key));
  }

  /** Runs a script with the keys and arguments that the real one is given. */
  run(name: ScriptName, keys: readonly string[], args: readonly string[]): Reply {
    const [entry = "", released = ""] = keys;
    if (name === "draw") return this.#draw(entry, released);
    const me = { incarnation: Number(args[0]), id: args[1] ?? "" };
    if (name === "register") return this.#register(entry, released, me, args);
    if (name === "renew") return this.#renew(entry, me, args);
    return this.#deregister(entry, released, me, Number(args[4]));
  }

  #draw(entry: string, released: string): string {
    const held = this.holder(entry)?.incarnation ?? 0;
    const gone = this.#tombstone(released)?.incarnation ?? 0;
    return String(Math.max(this.#options.nowUs(), held + 1, gone + 1));
  }

  #register(entry: string, released: string, me: Boot, args: readonly string[]): string[] {
    const gone = this.#tombstone(released);
    if (gone && !isNewer(me, gone)) return ["released"];
    const held = this.holder(entry);
    if (held && isNewer(held, me)) return this.#superseded(entry);
    if (this.isFull) throw new Error("OOM command not allowed when used memory > 'maxmemory'.");
    this.set(entry, args[5] ?? "", Number(args[4]));
    return ["ok"];
  }

  #renew(entry: string, me: Boot, args: readonly string[]): string[] {
    const held = this.holder(entry);
    if (held && isNewer(held, me)) return this.#superseded(entry);
    if (!held || !isSame(held, me)) return ["gone"];
    this.set(entry, args[5] === "" ? this.get(entry)! : args[5]!, Number(args[4]));
    return ["ok"];
  }

  #deregister(entry: string, released: string, me: Boot, tombstoneMs: number): string[] {
    const gone = this.#tombstone(released);
    this.set(released, gone && isNewer(gone, me) ? this.get(released)! : `${me.incarnation} ${me.id}`, tombstoneMs);
    const held = this.holder(entry);
    if (!held || !isSame(held, me)) return ["gone"];
    this.delete(entry);
    return ["ok"];
  }

  #tombstone(released: string): Boot | undefined {
    return this.#options.hasTombstones === false ? undefined : bootIn(this.get(released), /^(\d+) ([0-9a-fA-F]+)$/);
  }

  #superseded(entry: string): string[] {
    const { host, pid } = parse(this.get(entry) ?? "");
    return ["superseded", String(host ?? "unknown"), String(pid ?? 0)];
  }

  #nowMs(): number {
    return Math.floor(this.#options.nowUs() / 1000);
  }
}

const parse = (text: string): { host?: unknown; pid?: unknown } => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
};
