/** The Fastify app, built when it is first needed: with a probe thread that is the first `/status` or `/metrics`, else opening. */
import type { FastifyInstance } from "fastify";
import { messageOf } from "../errors.ts";
import type { AppOptions } from "./app.ts";
import type { MainAnswer } from "./thread/thread-port.ts";

const load = () => import("./app.ts");

export class LazyApp {
  readonly #options: AppOptions;
  /** aborts when nothing may be built any more */
  readonly #closed = new AbortController();
  #building: Promise<FastifyInstance> | undefined;
  #built: FastifyInstance | undefined;

  constructor(options: AppOptions) {
    this.#options = options;
  }

  /** Every call the same promise. Rejects once it was closed. */
  readonly get = (): Promise<FastifyInstance> => {
    this.#building ??= this.#build();
    return this.#building;
  };

  /** Starts to load what it is built of, so that the first `get` finds it there; a failure is met again, and told, by that. */
  preload(): void {
    load()
      .then(({ loadFastify }) => loadFastify())
      .catch(() => {});
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

  /** Nothing is left, nor will be. Any number of times. */
  async close(): Promise<void> {
    this.#closed.abort(new Error("the health server was closed"));
    await this.#built?.close();
  }

  async #build(): Promise<FastifyInstance> {
    const { buildApp } = await load();
    const app = await buildApp(this.#options);
    if (this.#closed.signal.aborted) await app.close();
    this.#closed.signal.throwIfAborted();
    this.#built = app;
    return app;
  }
}
