/** Worker processes that are killed, frozen and stopped; each that ended is replaced, so their number stays. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("worker.mjs", import.meta.url));

export class Workers {
  #url;
  #options;
  #running = new Set();
  #ready = new Set();
  #frozen = new Map();
  #isEnding = false;
  #exits = [];

  /** `options` are those of the program. */
  constructor(url, options) {
    this.#url = url;
    this.#options = options;
  }

  /** Workers that have begun and are not frozen. */
  get awake() {
    return [...this.#ready].filter((child) => !this.#frozen.has(child));
  }

  async start(count) {
    await Promise.all(Array.from({ length: count }, () => this.#fork()));
  }

  /** SIGKILL */
  kill(child) {
    child.kill("SIGKILL");
  }

  /** SIGTERM: it drains. */
  stop(child) {
    this.#ready.delete(child);
    child.kill("SIGTERM");
  }

  /** SIGSTOP, and SIGCONT after `ms`. */
  freeze(child, ms) {
    child.kill("SIGSTOP");
    this.#frozen.set(
      child,
      setTimeout(() => this.#thaw(child), ms),
    );
  }

  /** Thaws the frozen ones and stops them all; resolves with the codes and signals of those that ended otherwise than they should. */
  async end() {
    this.#isEnding = true;
    for (const child of this.#frozen.keys()) this.#thaw(child);
    const ending = [...this.#running].map((child) => once(child, "exit"));
    for (const child of this.#running) child.kill(this.#ready.has(child) ? "SIGTERM" : "SIGKILL");
    await Promise.all(ending);
    return this.#exits.filter((how) => how !== 0 && how !== "SIGKILL");
  }

  #thaw(child) {
    clearTimeout(this.#frozen.get(child));
    this.#frozen.delete(child);
    child.kill("SIGCONT");
  }

  async #fork() {
    const child = fork(program, [this.#url, JSON.stringify(this.#options)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#running.add(child);
    child.once("exit", (code, signal) => {
      this.#exits.push(code ?? signal);
      this.#running.delete(child);
      this.#ready.delete(child);
      clearTimeout(this.#frozen.get(child));
      this.#frozen.delete(child);
      if (!this.#isEnding) void this.#fork();
    });
    child.once("message", () => this.#ready.add(child));
    await Promise.race([once(child, "message"), once(child, "exit")]);
  }
}
