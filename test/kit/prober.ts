/** Probes from a thread whose own loop is free, for tests that block the main one. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** Keeps the thread busy for so many ms. */
export const block = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end; );
};

/** Probes one after the other, each on its own connection, until a message ends it. */
const program = `
const { parentPort, workerData } = require("node:worker_threads");
const { get } = require("node:http");
const { port, path } = workerData;
const probes = [];
let goOn = true;
parentPort.once("message", () => { goOn = false; });
const probe = () => {
  const sentAt = Date.now();
  get({ host: "127.0.0.1", port, path, agent: false }, async (answer) => {
    let body = "";
    for await (const chunk of answer) body += chunk;
    probes.push({ status: answer.statusCode, data: body.startsWith("{") ? JSON.parse(body) : {}, sentAt, tookMs: Date.now() - sentAt });
    if (probes.length === 1) parentPort.postMessage("probing");
    if (goOn) setTimeout(probe, 20); else parentPort.postMessage(probes);
  });
};
probe();
`;

export interface Probe {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows the shape that it asked for
  readonly data: any;
  /** ms since the epoch */
  readonly sentAt: number;
  readonly tookMs: number;
}

export interface Prober {
  /** Ends the probing with the probe under way. */
  stop(): Promise<Probe[]>;
  destroy(): Promise<unknown>;
}

/** Resolves when the first answer has come. */
export const startProber = async (port: number, path: string): Promise<Prober> => {
  const worker = new Worker(program, { eval: true, workerData: { port, path } });
  await once(worker, "message");
  return {
    destroy: () => worker.terminate(),
    stop: async () => {
      worker.postMessage("end");
      const [probes] = await once(worker, "message");
      return probes;
    },
  };
};
