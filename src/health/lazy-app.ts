/** The Fastify app, built when it is first needed: with a probe thread for the first `/status` or `/metrics`, else for opening. */
import type { FastifyInstance } from "fastify";
import { messageOf } from "../errors.ts";
import type { AppOptions } from "./app.ts";
import type { MainAnswer } from "./thread/messages.ts";

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

  /** What under-pressure finds, from its first sample on. */
  get isUnderPressure(): boolean {
    return this.#built?.isUnderPressure() ?? false;
  }

  /** What it answers to GET, without a socket. Never rejects. */
  readonly answer = async (path: string): Promise<MainAnswer> => {
    try {
      const app = await this.get();
      const { statusCode, headers, payload } = await app.inject(path);
      return { status: statusCode, contentType: String(headers["content-type"]), body: payload };
    } catch (error) {
      this.#options.onFact({ type: "health.request.failed", url: path, reason: messageOf(error) });
      return { status: 500, contentType: "application/json; charset=utf-8", body: JSON.stringify({ error: "internal error" }) };
    }
  };

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
