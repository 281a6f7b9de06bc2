/** The Fastify app, built when the main thread is to hold the port: no question to the probe thread needs it. */
import type { FastifyInstance } from "fastify";
import type { AppOptions } from "./app.ts";

const loadModule = () => import("./app.ts");

export class LazyApp {
  readonly #options: AppOptions;
  #building: Promise<FastifyInstance> | undefined;
  #built: FastifyInstance | undefined;

  constructor(options: AppOptions) {
    this.#options = options;
  }

  /** Every call the same promise. */
  readonly get = (): Promise<FastifyInstance> => {
    this.#building ??= this.#build();
    return this.#building;
  };

  /** Loads the modules that it is built of, so that the first `get` finds them. Never rejects: `get` meets the same failure. */
  async load(): Promise<void> {
    try {
      const { loadFastify } = await loadModule();
      await loadFastify();
    } catch {}
  }

  /** What under-pressure finds, from its first sample on; false while nothing is built. */
  get isUnderPressure(): boolean {
    return this.#built?.isUnderPressure() ?? false;
  }

  /** Closes what was built. A build under way is not waited for, and closed as it ends. Call it once, when nothing calls `get` any more. */
  async close(): Promise<void> {
    if (this.#built === undefined) this.#building?.then((app) => app.close()).catch(() => {});
    await this.#built?.close();
  }

  async #build(): Promise<FastifyInstance> {
    const { buildApp } = await loadModule();
    this.#built = await buildApp(this.#options);
    return this.#built;
  }
}
