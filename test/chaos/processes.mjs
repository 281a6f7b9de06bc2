/** The tiers as processes that are killed, frozen and stopped; each that has ended is replaced, so their number stays. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("tier.mjs", import.meta.url));
/** ms for the end of a process that was asked to end */
const endMs = 20_000;

export class Processes {
  #url;
  #settings;
  #logs;
  #members = new Set();
  #isEnding = false;
  #count = 0;
  /** processes that ended although they were not harmed, or otherwise than they should, and warnings of Node */
  odd = [];

  /** `logs`: a folder for the log of each process. */
  constructor(url, { settings, logs }) {
    this.#url = url;
    this.#settings = settings;
    this.#logs = logs;
    if (logs) mkdirSync(logs, { recursive: true });
  }

  /** Resolves once `count` more processes of a tier run. */
  async start(tier, count) {
    await Promise.all(Array.from({ length: count }, () => this.#fork(tier)));
  }

  /** Those of a tier that run and are not harmed. */
  awake(tier) {
    return [...this.#members].filter((one) => one.tier === tier && one.isReady && one.frozen === undefined);
  }

  /** The addresses of the gateways, a frozen one's included. */
  get addresses() {
    return [...this.#members].flatMap(({ address }) => address ?? []);
  }

  kill(member) {
    member.isReady = false;
    member.expected = "SIGKILL";
    member.child.kill("SIGKILL");
  }

  /** SIGTERM: it drains. */
  stop(member) {
    member.isReady = false;
    member.expected = 0;
    member.child.kill("SIGTERM");
  }

  /** SIGSTOP, and SIGCONT after `ms`. */
  freeze(member, ms) {
    member.child.kill("SIGSTOP");
    member.frozen = setTimeout(() => this.#thaw(member), ms);
  }

  /** Thaws and stops all of them. */
  async end() {
    this.#isEnding = true;
    const ending = [...this.#members].map(async (member) => {
      this.#thaw(member);
      if (member.isReady) this.stop(member);
      else if (member.expected === undefined) this.kill(member);
      const late = setTimeout(() => member.child.kill("SIGKILL"), endMs);
      await member.ended;
      clearTimeout(late);
    });
    await Promise.all(ending);
  }

  /** Kills all of them at once. Resolves when they have ended. */
  async abandon() {
    this.#isEnding = true;
    for (const { child } of this.#members) child.kill("SIGKILL");
    await Promise.all([...this.#members].map(({ ended }) => ended));
  }

  #thaw(member) {
    clearTimeout(member.frozen);
    member.frozen = undefined;
    member.child.kill("SIGCONT");
  }

  async #fork(tier) {
    const child = fork(program, [tier, JSON.stringify(this.#settings)], {
      env: { ...process.env, REDIS_URL: this.#url, SG_SUPERVISED: "1", SG_LOG_LEVEL: this.#logs ? "debug" : "error" },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#count += 1;
    const member = { tier, child, isReady: false, ended: once(child, "close"), output: "" };
    this.#log(member, `${tier}-${this.#count}`);
    this.#members.add(member);
    const ready = new Promise((resolve) => {
      child.on("message", (message) => {
        if (message.type === "listening" && message.name === "http") member.address = `http://${message.host}:${message.port}`;
        if (message.type !== "state" || message.state !== "running") return;
        member.isReady = true;
        resolve();
      });
    });
    void member.ended.then(([code, signal]) => this.#left(member, code ?? signal));
    await Promise.race([ready, member.ended]);
  }

  #log(member, name) {
    const file = this.#logs && createWriteStream(join(this.#logs, `${name}.log`), { flags: "a" });
    for (const stream of [member.child.stdout, member.child.stderr])
      stream.on("data", (chunk) => {
        member.output = `${member.output}${chunk}`.slice(-4000);
        file?.write(chunk);
        const warning = /\w*Warning: .*/.exec(String(chunk))?.[0];
        if (warning !== undefined) this.odd.push(`${member.tier} wrote: ${warning}`);
      });
  }

  #left(member, how) {
    this.#members.delete(member);
    clearTimeout(member.frozen);
    if (how !== member.expected) this.odd.push(`${member.tier} ended with ${how}: ${member.output}`);
    if (!this.#isEnding) void this.#fork(member.tier);
  }
}
