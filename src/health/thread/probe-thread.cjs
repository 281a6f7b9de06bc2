// @ts-check
/**
 * The program of the probe thread: it holds the port and answers `/healthz` and `/readyz` from the notice board, also while the
 * main thread is blocked. For `/status` and `/metrics` it asks the main thread; while that is blocked, the latest metrics are sent
 * again with their age. Plain JavaScript on node:http: loading anything else,
 * the loader of ES modules included, would delay the boot by some ms.
 */
const { createServer } = require("node:http");
const { parentPort } = require("node:worker_threads");
const { BoardReader } = require("./board.cjs");
const { Connections } = require("../../http/connections.cjs");
const { partsOf, ruleOf } = require("../../http/rule.cjs");

/** @import { IncomingMessage, ServerResponse } from "node:http" */
/** @import { AddressInfo } from "node:net" */
/** @import { Answer, Path } from "../answers.ts" */
/** @import { FromThread, ToThread } from "./messages.ts" */

const main = /** @type {import("node:worker_threads").MessagePort} */ (parentPort);
/** known before it listens, so before the first request. @type {InstanceType<typeof BoardReader>} */
let board;
/** @type {ReturnType<typeof ruleOf>} */
let rule;
/**
 * Of each answer: names and values in turn.
 * @type {readonly string[]}
 */
let headers;
let livenessBlockMs = 0;
let readinessBlockMs = 0;

/** ms within which a main thread beats that was frozen together with this thread and goes on */
const secondLookMs = 250;
/** ms for which an answer of the main thread serves those who ask the same */
const heldMs = 100;
const maxConnections = 512;
const json = "application/json; charset=utf-8";
const alive = JSON.stringify({ status: "ok" });

/** @param {FromThread} message */
const post = (message) => main.postMessage(message);

/** The headers of the latest answer: most probes get the same body again. @type {{ body: string, type: string, list: string[] }} */
let sent = { body: "", type: "", list: [] };

/** @param {string} body @param {string} type */
const headersOf = (body, type) => {
  if (body === sent.body && type === sent.type) return sent.list;
  const list = [...headers, "content-type", type, "content-length", String(Buffer.byteLength(body))];
  sent = { body, type, list };
  return list;
};

/**
 * @param {ServerResponse} response
 * @param {number} status
 * @param {string} body
 * @param {string} [type]
 */
const send = (response, status, body, type = json) => {
  if (board.notice.leaving) response.setHeader("connection", "close");
  response.writeHead(status, headersOf(body, type)).end(body);
};

/** @param {number} ms */
const blockedFor = (ms) => `event loop blocked for ${ms} ms`;

/** The main thread works, and its liveness checks pass or do not. @param {ServerResponse} response */
const answerAsNoticed = (response) => {
  const { liveness } = board.notice;
  if (liveness.alive) return send(response, 200, alive);
  send(response, 503, JSON.stringify({ status: "failed", reason: liveness.reason }));
};

/** @param {ServerResponse} response */
const answerAlive = (response) => {
  if (board.lateMs < livenessBlockMs) return answerAsNoticed(response);
  setTimeout(() => {
    const ms = board.lateMs;
    if (ms < livenessBlockMs) return answerAsNoticed(response);
    send(response, 503, JSON.stringify({ status: "blocked", reason: blockedFor(ms), blockedMs: ms }));
  }, secondLookMs);
};

/** While the main thread is blocked, its notice is out of date. */
const judge = () => {
  const ms = board.lateMs;
  return ms < readinessBlockMs ? board.notice.readiness : { ready: false, reason: blockedFor(ms) };
};

/** @param {ServerResponse} response */
const answerReady = (response) => {
  const readiness = judge();
  send(response, readiness.ready ? 200 : 503, JSON.stringify(readiness));
};

/**
 * The question of each path that the main thread has not answered, with all who wait for its answer.
 * @type {Map<Path, { id: number, notice: unknown, waiting: ServerResponse[], timer: NodeJS.Timeout }>}
 */
const asked = new Map();
/**
 * The latest answer of each path, while it is held: for `heldMs`, and not beyond a new notice.
 * @type {Map<Path, { answer: Answer, notice: unknown, until: number }>}
 */
const held = new Map();
let questions = 0;

/** In place of the main thread's answer: its latest notice. @param {ServerResponse} response */
const answerLastKnown = (response) => {
  const ms = board.lateMs;
  const error = ms < readinessBlockMs ? `no answer from the main thread within ${readinessBlockMs} ms` : blockedFor(ms);
  send(response, 503, JSON.stringify({ error, state: board.notice.state, readiness: judge(), blockedMs: ms }));
};

/**
 * The latest metrics of the main thread, and when they came.
 * @type {{ readonly body: string, readonly at: number } | undefined}
 */
let scraped;

/** What is known of a main thread that was never scraped. */
const barely = "# TYPE sg_up gauge\nsg_up 1\n# TYPE sg_ready gauge\nsg_ready 1\n";
const metricsType = "text/plain; version=0.0.4; charset=utf-8";

/** In place of the main thread's metrics: its latest, with their age; whether it takes traffic is judged anew. @param {ServerResponse} response */
const answerOldMetrics = (response) => {
  const age = scraped && (performance.now() - scraped.at) / 1000;
  const body = (scraped?.body ?? barely)
    .replace(/^sg_ready .*$/m, `sg_ready ${Number(judge().ready)}`)
    .replace(/^sg_metrics_age_seconds .*$/m, `sg_metrics_age_seconds ${age}`);
  if (age !== undefined) response.setHeader("age", Math.round(age));
  send(response, 200, body, metricsType);
};

/** @param {ServerResponse} response @param {Path} path */
const answerWithoutMain = (response, path) => (path === "/metrics" ? answerOldMetrics(response) : answerLastKnown(response));

/** @param {Answer} answer @param {ServerResponse} response */
const sendAnswer = ({ status, contentType, body }, response) => send(response, status, body, contentType);

/** One question a path at a time, so that no number of requests keeps the main thread busy. @type {(response: ServerResponse, path: Path) => void} */
const askMain = (response, path) => {
  if (board.lateMs >= readinessBlockMs) return answerWithoutMain(response, path);
  const known = held.get(path);
  if (known?.notice === board.notice && performance.now() < known.until) return sendAnswer(known.answer, response);
  const question = asked.get(path);
  if (question) return void question.waiting.push(response);
  questions += 1;
  const waiting = [response];
  const overdue = () => {
    asked.delete(path);
    for (const late of waiting) answerWithoutMain(late, path);
  };
  asked.set(path, { id: questions, notice: board.notice, waiting, timer: setTimeout(overdue, readinessBlockMs) });
  post({ type: "asked", id: questions, path });
};

/** @param {Extract<ToThread, { type: "answer" }>} message */
const forward = ({ id, path, answer }) => {
  const question = asked.get(path);
  if (question?.id !== id) return;
  asked.delete(path);
  clearTimeout(question.timer);
  if (path === "/metrics" && answer.status === 200) scraped = { body: answer.body, at: performance.now() };
  held.set(path, { answer, notice: question.notice, until: performance.now() + heldMs });
  for (const response of question.waiting) sendAnswer(answer, response);
};

/** @type {ReadonlyMap<string, (response: ServerResponse) => void>} */
const routes = new Map([
  ["/healthz", answerAlive],
  ["/readyz", answerReady],
  ["/status", (response) => askMain(response, "/status")],
  ["/metrics", (response) => askMain(response, "/metrics")],
]);

/** @type {(request: IncomingMessage, response: ServerResponse) => void} */
const respond = (request, response) => {
  // the parser goes on with what it has read of a connection that was destroyed
  if (request.socket.destroyed) return;
  const { method = "", url = "" } = request;
  const refusal = rule(request);
  const answer = method === "GET" || method === "HEAD" ? (routes.get(url) ?? routes.get(partsOf(url).path)) : undefined;
  if (answer && refusal === undefined) return answer(response);
  const { status, error } = refusal ?? { status: 404, error: `there is no ${method} ${url}` };
  request.resume().once("end", () => send(response, status, JSON.stringify({ error })));
};

// the values of Fastify
const server = createServer({ requestTimeout: 10_000, keepAliveTimeout: 72_000 }, respond);
const connections = new Connections(server, { max: maxConnections });

/** @param {Extract<ToThread, { type: "listen" }>} message */
const listen = ({ host, port, steps, memory, ...settings }) => {
  board = new BoardReader(memory);
  ({ livenessBlockMs, readinessBlockMs } = settings);
  rule = ruleOf(settings.served);
  headers = Object.entries(settings.headers).flat();
  let next = port;
  /** @param {NodeJS.ErrnoException} error */
  const refused = ({ code, message }) => {
    if (code === "EADDRINUSE" && next < port + steps && next < 65_535) {
      next += 1;
      return server.listen({ host, port: next, exclusive: true });
    }
    server.off("error", refused).off("listening", accepted);
    post({ type: "refused", wanted: { host, port: next }, code, message });
  };
  const accepted = () => {
    server.off("error", refused);
    server.on("error", ({ message }) => post({ type: "failed", message }));
    const { address, port: bound } = /** @type {AddressInfo} */ (server.address());
    post({ type: "listening", address: { host: address, port: bound } });
  };
  server.on("error", refused).once("listening", accepted).listen({ host, port, exclusive: true });
};

main.on("message", (/** @type {ToThread} */ message) => {
  if (message.type === "listen") listen(message);
  if (message.type === "answer") forward(message);
  if (message.type === "end") connections.end().then(() => post({ type: "ended" }));
});
