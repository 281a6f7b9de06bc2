/** Bytes that are no request, or two in one: each server refuses them, ends the connection, and answers the next client. */
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HealthServer } from "../../src/health/server.ts";
import { HttpServer } from "../../src/http/server.ts";
import { deadlines } from "../kit/deadlines.ts";
import { turnedSource, unhurried } from "../kit/health-source.ts";
import { ask, dial } from "../kit/http-client.ts";
import { untilHolds } from "../kit/wait.ts";

const stopping = new AbortController();
const ports: Record<string, number> = {};
const closes: (() => Promise<unknown>)[] = [];

const openHealth = async (probeThread: boolean): Promise<number> => {
  const server = new HealthServer({ host: "127.0.0.1", port: 0, source: turnedSource(), probeThread, ...unhurried });
  closes.push(() => server.close({ signal: AbortSignal.timeout(deadlines.fact) }));
  return (await server.open({ signal: stopping.signal })).port;
};

const openPages = async (): Promise<number> => {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const server = await HttpServer.create({ host: "127.0.0.1", port: 0, advice: "", signal: stopping.signal, log });
  server.app.get("/readyz", async () => ({ ready: true }));
  server.app.get("/status", async ({ raw }) => {
    if (!raw.socket.readableEnded) await once(raw.socket, "end");
    return {};
  });
  closes.push(() => server.close());
  return (await server.listen()).port;
};

beforeAll(async () => {
  ports["the probe thread"] = await openHealth(true);
  ports["the main thread"] = await openHealth(false);
  ports["a page"] = await openPages();
});
afterAll(async () => {
  stopping.abort();
  await Promise.all(closes.map((close) => close()));
});

/** The only request with 200 as its answer: where that comes, what is before it was read as a request of its own. */
const second = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";
const post = (...head: string[]) => ["POST /readyz HTTP/1.1", "Host: localhost", ...head, "", ""].join("\r\n");
const get = (...head: string[]) => ["GET /readyz HTTP/1.1", "Host: localhost", ...head, "", ""].join("\r\n");
const chunked = "Transfer-Encoding: chunked";

const forms: Record<string, string> = {
  "a length and chunks": `${post("Content-Length: 4", chunked)}0\r\n\r\n${second}`,
  "chunks and a length": `${post(chunked, "Content-Length: 4")}0\r\n\r\n${second}`,
  "an unknown coding": `${post("Transfer-Encoding: xchunked")}0\r\n\r\n${second}`,
  "a blank before the colon of a coding": `${post("Transfer-Encoding : chunked")}0\r\n\r\n${second}`,
  "a coding after chunked": `${post("Transfer-Encoding: chunked, identity")}0\r\n\r\n${second}`,
  "two lengths": post("Content-Length: 0", "Content-Length: 44") + second,
  "a list of lengths": post("Content-Length: 0, 44") + second,
  "a length with a sign": post("Content-Length: +44") + second,
  "a negative length": post("Content-Length: -1") + second,
  "a length in hexadecimal": post("Content-Length: 0x2c") + second,
  "a length beyond 64 bits": post("Content-Length: 99999999999999999999999") + second,
  "a chunk size beyond 64 bits": `${post(chunked)}FFFFFFFFFFFFFFFFF\r\n${second}`,
  "a chunk size that is no number": `${post(chunked)}zz\r\n${second}`,
  "a chunk longer than its size": `${post(chunked)}1\r\n${second}0\r\n\r\n`,
  "a blank in a header's name": get("X Y: 1") + second,
  "a header without a name": get(": 1") + second,
  "a NUL in a header": get("X: a\0b") + second,
  "a lone CR in a header": get(`X: a\r${second}`),
  "a head of 64 KB": get(`X: ${"x".repeat(65_536)}`) + second,
  "an unknown method": `FROB /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n${second}`,
  "an unknown version": `GET /readyz HTTP/9.9\r\nHost: localhost\r\n\r\n${second}`,
  "a blank in the target": `GET /ready z HTTP/1.1\r\nHost: localhost\r\n\r\n${second}`,
  "a preface of HTTP/2": `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${second}`,
  "a handshake of TLS": `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${second}`,
  "a command of Redis": `*1\r\n$4\r\nPING\r\n${second}`,
  "bytes without a meaning": `${"\u0000\u0001\u0080\u00ff".repeat(64)}\r\n\r\n${second}`,
};

describe.each(["the probe thread", "the main thread", "a page"])("on %s", (name) => {
  it.concurrent.each(Object.entries(forms))(
    "%s ends the connection, and nothing of it is a second request",
    async (_form, bytes) => {
      const port = ports[name]!;
      const { socket, received } = await dial(port);
      socket.write(Buffer.from(bytes, "latin1"));
      // the server may reset a connection whose bytes it has not read
      const answers = (await received.catch(() => "")).match(/HTTP\/1\.1 \d+/g) ?? [];
      for (const answer of answers) expect(answer).toMatch(/ 4\d\d$/);
      expect((await ask(port, "/readyz")).data).toEqual({ ready: true });
    },
  );

  it("names from a prototype are unknown paths", async () => {
    for (const path of ["/__proto__", "/constructor", "/toString", "/hasOwnProperty"])
      expect((await ask(ports[name]!, path)).status).toBe(404);
  });
});

describe.each(["the probe thread", "the main thread", "a page"])("F38: on %s", (name) => {
  it.each(["/readyz", "/status"])("a client that ends its side behind the request is answered at %s", async (path) => {
    const { socket, received } = await dial(ports[name]!);
    socket.end(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    expect(await received).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe.each(["the probe thread", "the main thread"])("F38: on %s", (name) => {
  it("of more than 512 connections the oldest is destroyed, and a probe is answered", async () => {
    const lines = await Promise.all(Array.from({ length: 512 }, () => dial(ports[name]!)));
    const isEnded = lines.map(() => false);
    lines.forEach(({ socket }, at) => {
      socket
        .on("error", () => {})
        .once("close", () => {
          isEnded[at] = true;
        });
    });
    expect((await ask(ports[name]!, "/readyz")).status).toBe(200);
    await untilHolds(() => expect(isEnded).toContain(true));
    expect(isEnded.filter(Boolean).length).toBeLessThan(10);
    for (const { socket } of lines) socket.destroy();
  });
});
