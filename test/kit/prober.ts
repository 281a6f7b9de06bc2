/** Probes from a thread whose own loop is free, for tests that block the main one. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { deadlines } from "./deadlines.ts";

/** Keeps the thread busy for so many ms. */
export const block = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end; );
};

/**
 * Probes one after the other, each on its own connection, until a message ends it. Counts in `shared`: the requests that have left, the
 * answers that have come, and those that have the text `wanted`.
 */
const program = `
const { parentPort, workerData } = require("node:worker_threads");
const { get } = require("node:http");
const { port, path, wanted, shared } = workerData;
const probes = [];
let goOn = true;
parentPort.once("message", () => { goOn = false; });
const probe = () => {
  get({ host: "127.0.0.1", port, path, agent: false }, async (answer) => {
    let body = "";
    for await (const chunk of answer) body += chunk;
    const { statusCode: status, headers: { age } } = answer;
    probes.push({ status, age, body, data: body.startsWith("{") ? JSON.parse(body) : {} });
    Atomics.add(shared, 1, 1);
    if (wanted !== "" && body.includes(wanted)) {
      Atomics.add(shared, 2, 1);
      Atomics.notify(shared, 2);
    }
    if (probes.length === 1) parentPort.postMessage("probing");
    if (goOn) setTimeout(probe, 20); else parentPort.postMessage(probes);
  }).on("finish", () => Atomics.add(shared, 0, 1));
};
probe();
`;

export interface Probe {
  readonly status: number;
  /** the header of that name */
  readonly age?: string;
  readonly body: string;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows the shape that it asked for
  readonly data: any;
}

export interface Prober {
  /** Blocks this thread until an answer with the text that is wanted has come to a probe that left while the thread was blocked. */
  blockUntilSeen(): void;
  /** Blocks this thread for so many ms at the least, and until a probe is under way. */
  blockThrough(ms: number): void;
  /** Ends the probing with the probe under way. */
  stop(): Promise<Probe[]>;
  destroy(): Promise<unknown>;
}

/** Resolves when the first answer has come. `wanted` is in the body of the answer that `blockUntilSeen` waits for. */
export const startProber = async (port: number, path: string, wanted = ""): Promise<Prober> => {
  const shared = new Int32Array(new SharedArrayBuffer(12));
  const worker = new Worker(program, { eval: true, workerData: { port, path, wanted, shared } });
  await once(worker, "message");
  return {
    blockUntilSeen: () => {
      const before = Atomics.load(shared, 2);
      // one probe may have been under way, and a busy machine may have been blocked before
      for (const seen of [before, before + 1])
        if (Atomics.wait(shared, 2, seen, deadlines.fact) === "timed-out")
          throw new Error(`no answer of ${path} has '${wanted}'`);
    },
    blockThrough: (ms) => {
      block(ms);
      const end = performance.now() + deadlines.fact;
      while (Atomics.load(shared, 0) <= Atomics.load(shared, 1) && performance.now() < end);
    },
    destroy: () => worker.terminate(),
    stop: async () => {
      worker.postMessage("end");
      const [probes] = await once(worker, "message");
      return probes;
    },
  };
};
