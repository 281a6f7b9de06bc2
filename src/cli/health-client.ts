/** Questions to the health server of an instance: to the address in its entry and no other, with a bounded answer. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { get } from "node:http";
import { hostname } from "node:os";
import { httpUrl, isEveryAddress } from "../address.ts";
import { boundedText } from "../bounded-text.ts";
import { messageOf } from "../errors.ts";
import { isLoopback } from "../loopback.ts";
import type { RegistryEntry } from "../registry/registry.ts";
import { object, optional, readJson, text } from "../schema.ts";

/** ms for an answer */
const answerTimeoutMs = 3000;
/** larger than any `/status` */
export const maxAnswerBytes = 1_048_576;

/**
 * The URL of a server that an entry names. One that listens on all addresses is reached by loopback or by its machine's name. Throws
 * where the entry names no address, or the loopback of another machine.
 */
export const urlFrom = (entry: RegistryEntry, server: { readonly host: string; readonly port: number }): string => {
  const isHere = entry.host === hostname();
  if (isLoopback(server.host) && !isHere)
    throw new Error(`it listens on the loopback of ${JSON.stringify(entry.host)}: run this command there`);
  const host = isEveryAddress(server.host) ? (isHere ? "127.0.0.1" : entry.host) : server.host;
  const url = httpUrl({ host, port: server.port });
  if (url === undefined) throw new Error(`its entry has ${JSON.stringify(host)} and ${server.port} in place of an address`);
  return url;
};

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * Uses neither the process's agent nor `fetch`: both may go through the proxy that the environment names (NODE_USE_ENV_PROXY), which reaches
 * neither the loopback of this machine nor its pods.
 */
const openedAnswer = async (url: string, signal: AbortSignal): Promise<IncomingMessage> => {
  const request = get(url, { agent: false, signal, headers: { "accept-encoding": "identity" } });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
};

/** Rejects with the reason: no answer in time, a redirect, or too much of it. */
export const askHealth = async (url: string): Promise<Answer> => {
  const signal = AbortSignal.timeout(answerTimeoutMs);
  try {
    const response = await openedAnswer(url, signal);
    const status = response.statusCode ?? 0;
    if (status >= 300 && status < 400) {
      response.destroy();
      throw new Error(`it redirects (${status})`);
    }
    return { status, body: await boundedText({ body: response }, maxAnswerBytes) };
  } catch (error) {
    if (signal.aborted) throw new Error(`no answer within ${answerTimeoutMs} ms`);
    throw error;
  }
};

const probeReader = object({ reason: optional(text(500)), status: optional(text(100)) });

/** What a probe answers: `503 (event loop blocked for 4290 ms)`. */
export const probeAnswer = async (url: string): Promise<string> => {
  try {
    const { status, body } = await askHealth(url);
    const { reason, status: word } = readJson(body, { bytes: maxAnswerBytes, read: probeReader });
    return [status, ...[reason ?? word ?? []].flat().map((why) => `(${why})`)].join(" ");
  } catch (error) {
    return messageOf(error);
  }
};
