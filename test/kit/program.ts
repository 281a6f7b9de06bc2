/** Forked programs: their lines, their signals, how they ended. Each is ended by its pid at the latest in `endPrograms`. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { eventually } from "./wait.ts";

export interface Line {
  readonly type?: string;
  readonly state?: string;
  readonly [key: string]: unknown;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** ms from the last signal that was sent, else from the start */
  readonly ms: number;
}

export interface ProgramOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** the command that starts the program, from the program's own */
  readonly wrap?: (command: readonly string[]) => readonly string[];
}

const fixtures = fileURLToPath(new URL("../fixtures/", import.meta.url));

const programs = new Set<Program>();

export class Program {
  readonly lines: Line[] = [];
  readonly texts: string[] = [];
  errors = "";
  readonly child: ChildProcess;
  readonly ended: Promise<Ending>;
  #since = performance.now();

  constructor(file: string, { args = [], env = {}, wrap = (command) => command }: ProgramOptions = {}) {
    const [command = "", ...rest] = wrap([process.execPath, resolve(fixtures, file), ...args]);
    this.child = spawn(command, rest, { env: { ...process.env, ...env }, stdio: "pipe" });
    createInterface({ input: this.child.stdout! }).on("line", (text) => this.#read(text));
    // a program that has ended reads nothing
    this.child.stdin!.on("error", () => {});
    this.child.stderr!.on("data", (chunk) => {
      this.errors += String(chunk);
    });
    this.ended = new Promise((resolve) => {
      this.child.once("close", (code, signal) => resolve({ code, signal, ms: performance.now() - this.#since }));
    });
    programs.add(this);
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Resolves with the first line that fits; rejects at the deadline of a fact. */
  line(what: string, fits: (line: Line) => boolean): Promise<Line> {
    return eventually(`${what} (so far: ${this.texts.slice(-5).join(" | ")} ${this.errors})`, () => this.lines.find(fits));
  }

  state(state: string): Promise<Line> {
    return this.line(state, (line) => line.type === "state.entered" && line.state === state);
  }

  get report(): Line | undefined {
    return this.lines.findLast(({ type }) => type === "report");
  }

  signal(signal: NodeJS.Signals): void {
    this.#since = performance.now();
    this.child.kill(signal);
  }

  write(text: string): void {
    this.child.stdin!.write(text);
  }

  #read(text: string): void {
    this.texts.push(text);
    try {
      this.lines.push(JSON.parse(text) as Line);
    } catch {
      // not a fact
    }
  }
}

/** For `afterEach`: ends the processes that a failed test left running. */
export const endPrograms = async (): Promise<void> => {
  for (const program of programs) {
    if (program.child.exitCode === null && program.child.signalCode === null) program.child.kill("SIGKILL");
    await program.ended;
  }
  programs.clear();
};
