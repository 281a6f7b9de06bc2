/** Probes from a thread whose own loop is free, for tests that block the main one. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** Keeps the thread busy for so many ms. */
export const block = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end; );
};

/** Blocks this thread until the prober has been answered so many times more. */
export const blockFor = (answers: number, { answered }: Prober): void => {
  for (const end = Atomics.load(answered, 0) + answers; Atomics.load(answered, 0) < end; ) Atomics.wait(answered, 1, 0, 5);
};

/** Probes one after the other, each on its own connection, until a message ends it. */
const program = `
const { parentPort, workerData } = require("node:worker_threads");
const { get } = require("node:http");
const { port, path, answered } = workerData;
const probes = [];
let goOn = true;
parentPort.once("message", () => { goOn = false; });
const probe = () => {
  const sentAt = Date.now();
  get({ host: "127.0.0.1", port, path, agent: false }, async (answer) => {
    let body = "";
    for await (const chunk of answer) body += chunk;
    const { statusCode: status, headers: { age } } = answer;
    probes.push({ status, age, body, data: body.startsWith("{") ? JSON.parse(body) : {}, sentAt, tookMs: Date.now() - sentAt });
    Atomics.add(answered, 0, 1);
    if (probes.length === 1) parentPort.postMessage("probing");
    if (goOn) setTimeout(probe, 20); else parentPort.postMessage(probes);
  });
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
  /** ms since the epoch */
  readonly sentAt: number;
  readonly tookMs: number;
}

export interface Prober {
  /** [0]: how many answers have come; shared with the thread */
  readonly answered: Int32Array;
  /** Ends the probing with the probe under way. */
  stop(): Promise<Probe[]>;
  destroy(): Promise<unknown>;
}

/** Resolves when the first answer has come. */
export const startProber = async (port: number, path: string): Promise<Prober> => {
  const answered = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(program, { eval: true, workerData: { port, path, answered } });
  await once(worker, "message");
  return {
    answered,
    destroy: () => worker.terminate(),
    stop: async () => {
      worker.postMessage("end");
      const [probes] = await once(worker, "message");
      return probes;
    },
  };
};
