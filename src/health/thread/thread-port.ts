/** The probe thread as the holder of the port, seen from the main thread. */
import type { Worker } from "node:worker_threads";
import type { PortAddress } from "../../../machines/health-port.machine.ts";
import { messageOf } from "../../errors.ts";
import { portSteps } from "../../http/steps.ts";
import type { Answer, Path } from "../answers.ts";
import type { Holder, SendBack } from "../holder.ts";
import { refusal } from "../listen.ts";
import type { FromThread, ProbeSettings, ToThread } from "./messages.ts";
import { takeWorker } from "./probe-worker.ts";

export interface ThreadPortOptions {
  readonly settings: ProbeSettings;
  /** Answers `/status` and `/metrics`. Never rejects. */
  readonly answer: (path: Path) => Promise<Answer>;
  /** Writes the notice board, which the thread reads for each answer. */
  readonly publish: () => void;
  readonly sendBack: SendBack;
}

/** Where there is no thread, no command has an effect. */
const noThread: Holder = { listen: () => {}, end: () => {}, cut: () => {} };

/** Starts the thread beside this one. When it exits, or cannot be started (Node's permission model may forbid it), sends `thread.exited`. */
export const startThread = (options: ThreadPortOptions): Holder => {
  try {
    return new ThreadPort(takeWorker(), options);
  } catch (error) {
    options.sendBack({ type: "thread.exited", reason: messageOf(error) });
    return noThread;
  }
};

/** Keeps the process alive only while it is waited for: to listen, to end its connections, to exit. */
class ThreadPort implements Holder {
  readonly #worker: Worker;
  readonly #options: ThreadPortOptions;

  constructor(worker: Worker, options: ThreadPortOptions) {
    this.#worker = worker;
    this.#options = options;
    let reason = "it ended by itself";
    worker.on("message", (message: FromThread) => this.#receive(message));
    worker.on("error", (error) => {
      reason = messageOf(error);
    });
    worker.once("exit", () => options.sendBack({ type: "thread.exited", reason }));
  }

  listen({ host, port }: PortAddress): void {
    const { publish, settings } = this.#options;
    publish();
    this.#worker.ref();
    this.#post({ type: "listen", host, port, steps: portSteps(), ...settings });
  }

  end(): void {
    this.#options.publish();
    this.#worker.ref();
    this.#post({ type: "end" });
  }

  cut(): void {
    this.#worker.ref();
    void this.#worker.terminate();
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromThread): void {
    const { sendBack } = this.#options;
    if (message.type === "asked") void this.#answer(message);
    if (message.type === "failed") sendBack({ type: "health.server.failed", reason: message.message });
    if (message.type === "ended") sendBack({ type: "port.ended" });
    if (message.type === "listening") this.#settle(() => sendBack({ type: "port.listening", address: message.address }));
    if (message.type === "refused") this.#settle(() => sendBack({ type: "port.refused", error: this.#refusalOf(message) }));
  }

  /** Whether it listens is known; what follows may want the process alive again. */
  #settle(then: () => void): void {
    this.#worker.unref();
    then();
  }

  #refusalOf({ wanted, code, message }: Extract<FromThread, { type: "refused" }>): Error {
    const error: NodeJS.ErrnoException = new Error(message);
    if (code !== undefined) error.code = code;
    return refusal(error, wanted);
  }

  async #answer({ id, path }: Extract<FromThread, { type: "asked" }>): Promise<void> {
    this.#post({ type: "answer", id, path, answer: await this.#options.answer(path) });
  }
}
