/** What a proof starts: each process is ended by its pid, and Redis is stopped, however the proof ends. */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startEmbeddedRedis } from "../../dist/src/redis/embedded/server.js";

/** ms for the end of a process that was asked to end */
const endMs = 20_000;
/** of what a process wrote, for one that ends unexpectedly */
const keptLength = 4000;

/** The command line of the product. */
export const stargazer = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));

export class Processes {
  #children = new Set();
  #redis;
  #folder;

  /** A folder that is removed at the end. */
  get folder() {
    this.#folder ??= mkdtempSync(join(tmpdir(), "stargazer-sight-"));
    return this.#folder;
  }

  /** The Redis of the proof, started with the first call; it has a port. */
  async redis() {
    this.#redis ??= await startEmbeddedRedis({ port: 0 });
    return this.#redis;
  }

  /** Forks a program with an IPC channel. */
  fork(program, { args = [], env = {}, execArgv = [] } = {}) {
    const options = { env: { ...process.env, ...env }, execArgv, stdio: ["ignore", "pipe", "pipe", "ipc"] };
    return this.#keep(fork(program, args, options));
  }

  /** Starts the command line of the product. */
  stargazer(args, { env = {} } = {}) {
    return this.#keep(
      spawn(process.execPath, [stargazer, ...args], { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] }),
    );
  }

  /** Asks all of them to end by SIGTERM, and kills those that do not. */
  async end() {
    const ending = [...this.#children].map(async (child) => {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), endMs);
      await child.ended;
      clearTimeout(late);
    });
    await Promise.all(ending);
    await this.#clean();
  }

  /** Kills all of them at once. */
  async abandon() {
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all([...this.#children].map(({ ended }) => ended));
    await this.#clean();
  }

  async #clean() {
    await this.#redis?.stop();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
    this.#redis = undefined;
    this.#folder = undefined;
  }

  /** `child.output` has the last it wrote, `child.ended` resolves with its code or signal. */
  #keep(child) {
    child.output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => {
        child.output = `${child.output}${text}`.slice(-keptLength);
      });
    child.ended = once(child, "close").then(([code, signal]) => {
      this.#children.delete(child);
      return code ?? signal;
    });
    this.#children.add(child);
    return child;
  }
}
