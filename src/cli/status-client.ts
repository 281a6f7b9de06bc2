/** The `/status` of an instance, read before it is used; where its main thread does not answer, what its probe thread knows. */
import { stateNames } from "../../machines/phases.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { failureReader, phaseReader } from "../flight/index.ts";
import type { RegistryEntry } from "../registry/registry.ts";
import type { ReadBy } from "../schema.ts";
import { anyJson, flag, list, nullable, number, object, oneOf, optional, readJson, text, time } from "../schema.ts";
import type { Answer } from "./health-client.ts";
import { askHealth, maxAnswerBytes, probeAnswer, urlFrom } from "./health-client.ts";

/** phases, failures and leaderships that are read */
const maxItems = 4096;
const name = text(1000);

/** A whole answer. The last three are for programs only. */
const statusReader = object({
  service: name,
  instance: name,
  state: oneOf(stateNames),
  path: name,
  since: time,
  startedAt: time,
  uptimeMs: number,
  waits: optional(text(2000)),
  deadline: optional(nullable(object({ name, ms: number, leftMs: number }))),
  degraded: flag,
  condition: optional(text(2000)),
  lease: nullable(
    object({
      state: name,
      incarnation: nullable(number),
      confirmedAt: time,
      confirmedAgoMs: number,
      missed: number,
      trouble: text(),
    }),
  ),
  leaderships: list(object({ name, state: name, fence: nullable(number), since: time, trouble: text() }), maxItems),
  failures: list(failureReader, maxItems),
  phases: list(phaseReader, maxItems),
  readiness: optional(anyJson(4)),
  pressure: optional(anyJson(4)),
  redis: optional(anyJson(4)),
});

/** What the probe thread answers in place of a main thread that does not. */
const lastKnownReader = object({ error: text(1000), state: name });

export type Status = ReadBy<typeof statusReader>;
type LastKnown = ReadBy<typeof lastKnownReader>;

const failed = (message: string, cause?: unknown): StargazerError => new StargazerError("SG_ERR_FAILED", message, { cause });

/** Its probe thread answers in place of a main thread that is blocked: its answers to both probes. */
const blocked = async (name: string, url: string, { error, state }: LastKnown): Promise<StargazerError> => {
  const [ready, alive] = await Promise.all(["readyz", "healthz"].map((probe) => probeAnswer(`${url}/${probe}`)));
  return failed(
    `${name} is there, but its main thread does not answer: ${error}. Its last known state is '${state}'; /readyz: ${ready}; /healthz: ${alive}`,
  );
};

const lastKnownIn = (body: string): LastKnown | undefined => {
  try {
    return readJson(body, { bytes: maxAnswerBytes, read: lastKnownReader });
  } catch {
    return undefined;
  }
};

const readStatus = async (name: string, url: string, { status, body }: Answer): Promise<Status> => {
  try {
    return readJson(body, { bytes: maxAnswerBytes, read: statusReader });
  } catch (misfit) {
    const lastKnown = status === 503 ? lastKnownIn(body) : undefined;
    if (lastKnown !== undefined) throw await blocked(name, url, lastKnown);
    throw failed(`what ${name} answered at ${url}/status (${status}) cannot be read: ${messageOf(misfit)}`, misfit);
  }
};

/** Rejects with `SG_ERR_FAILED` and what is known instead. */
export const askStatus = async (entry: RegistryEntry): Promise<Status> => {
  const name = `${entry.service}/${entry.instance}`;
  if (entry.health === null) throw failed(`${name} is '${entry.status}' and has no health server, so its state cannot be read`);
  let url: string;
  try {
    url = urlFrom(entry, entry.health);
  } catch (cause) {
    throw failed(`the health server of ${name} cannot be asked: ${messageOf(cause)}`, cause);
  }
  const answer = await askHealth(`${url}/status`).catch((cause: unknown) => {
    throw failed(
      `${name} did not answer at ${url}/status: ${messageOf(cause)}. It may be gone, blocked, or out of reach from here.`,
      cause,
    );
  });
  const status = await readStatus(name, url, answer);
  if (status.instance === entry.instance && status.service === entry.service) return status;
  throw failed(`at ${url}/status another instance answers, ${status.service}/${status.instance}: ${name} may be gone`);
};
