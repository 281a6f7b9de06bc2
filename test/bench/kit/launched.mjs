/** One started contestant. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { kill, scratch, track } from "./cleanup.mjs";
import { freePort } from "./ports.mjs";
import { probe } from "./probe.mjs";

const preload = fileURLToPath(new URL("./preload.cjs", import.meta.url));
let launches = 0;

export class Launched {
  exit;
  errors = "";

  /** `redis`: a port. `core`: the processor that it is bound to. `quota`: the part of a processor that it may use. */
  static async start(contestant, { redis, core, quota, blockMs = 0, env = {} }) {
    const launched = new Launched();
    launched.contestant = contestant;
    launched.port = await freePort();
    launched.appPort = await freePort();
    launched.#spawn({ redis, core, quota, env: { ...(blockMs > 0 ? { BENCH_BLOCK_MS: String(blockMs) } : {}), ...env } });
    return launched;
  }

  #spawn({ redis, core, quota, env }) {
    launches += 1;
    this.id = `i${process.pid}x${launches}`;
    this.marksFile = join(scratch, `${this.id}.json`);
    const { contestant, port, appPort } = this;
    const options = contestant.hasMarks ? ["--require", preload] : [];
    const node = [process.execPath, ...options, ...contestant.args];
    const bound = core === undefined ? node : ["taskset", "-c", String(core), ...node];
    const [command, ...args] = quota === undefined ? bound : quota.around(bound);
    const cwd = contestant.folder();
    this.began = performance.now();
    this.child = track(
      spawn(command, args, {
        cwd,
        stdio: ["ignore", "ignore", "pipe"],
        env: {
          ...process.env,
          // what only this machine has Node do at every start, certificates to read for example, would make all of them alike
          NODE_EXTRA_CA_CERTS: "",
          NODE_OPTIONS: "",
          NODE_ENV: "production",
          BENCH_MARKS: this.marksFile,
          PORT: String(port),
          APP_PORT: String(appPort),
          REDIS_URL: `redis://127.0.0.1:${redis}`,
          REGISTRY_KEY: `reg:bench:${this.id}`,
          INSTANCE_ID: this.id,
          SVC_NAME: "bench",
          SG_HEALTH_PORT: String(port),
          SG_BOOT_JITTER_MS: "0",
          ...env,
        },
      }),
    );
    this.child.stderr.on("data", (chunk) => {
      this.errors = (this.errors + chunk).slice(0, 4000);
    });
    this.exited = new Promise((resolve) =>
      this.child.once("exit", (code, signal) => {
        this.exit = { code, signal, at: performance.now() };
        resolve(this.exit);
      }),
    );
  }

  address(what, ms = 0) {
    const text = this.contestant[what];
    return text.replace("{PORT}", this.port).replace("{APP_PORT}", this.appPort).replace("{MS}", ms);
  }

  /** ms from spawn to the first 200 on readiness, looked for every ms on a new connection. */
  async ready(timeoutMs = 20_000, everyMs = 1) {
    for (;;) {
      if ((await probe(this.address("ready"), 2000)) === 200) return performance.now() - this.began;
      const { id } = this.contestant;
      if (this.exit) throw new Error(`${id} ended (${this.exit.code ?? this.exit.signal}) before it was ready: ${this.errors}`);
      if (performance.now() - this.began > timeoutMs) throw new Error(`${id} is not ready after ${timeoutMs} ms: ${this.errors}`);
      await pause(everyMs);
    }
  }

  /** ms since the process began; empty for a program of which we do not write the main file. */
  marks() {
    try {
      return JSON.parse(readFileSync(this.marksFile, "utf8"));
    } catch {
      return {};
    }
  }

  /** MB, and threads. */
  memory() {
    const text = readFileSync(`/proc/${this.child.pid}/status`, "utf8");
    const read = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)[1]);
    return { rssMb: read("VmRSS") / 1024, peakMb: read("VmHWM") / 1024, threads: read("Threads") };
  }

  /** ms of processor time so far, in steps of 10. */
  cpuMs() {
    const text = readFileSync(`/proc/${this.child.pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  keys(client) {
    return client.keys(this.contestant.key.replace("{ID}", this.id));
  }

  signal(name) {
    const at = performance.now();
    this.child.kill(name);
    return at;
  }

  /** ms from SIGTERM to the exit; NaN where it had to be killed. */
  async stop(timeoutMs = 20_000) {
    const at = this.signal("SIGTERM");
    const timer = setTimeout(() => kill(this.child), timeoutMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit.signal === "SIGKILL" ? Number.NaN : exit.at - at;
  }
}
