/** The verdict of the ping gate on a Redis behind TLS: real handshakes, with what servers and clients have wrong in them. */
import type { Server, Socket } from "node:net";
import { connect as connectTo, createServer } from "node:net";
import type { ConnectionOptions, TlsOptions } from "node:tls";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, it } from "vitest";
import type { StargazerError } from "../../src/errors.ts";
import { pingGate } from "../../src/redis/ping.ts";
import { adviceFor, reasonOf } from "../../src/redis/reason.ts";
import { expired, forAnotherHost, forThisMachine, key, notYetValid, selfSigned, trusted } from "../kit/certificates.ts";
import { deadlines } from "../kit/deadlines.ts";
import { soon, withRedis } from "../kit/with-redis.ts";

const place = withRedis();
const listening = (server: Server): Promise<number> => place.listen(server, "localhost");

/** The test's Redis behind TLS. */
const encrypted = (options: TlsOptions): Server =>
  createTlsServer({ key, ...options }, (socket) => {
    const behind = connectTo(place.redis.port, "127.0.0.1").on("error", () => {});
    socket.on("error", () => {}).on("close", () => behind.destroy());
    socket.pipe(behind).pipe(socket);
  });

/** The verdict on a server at that port, with the client's option tls if it has one; "passed" if the gate was passed. */
const verdict = async (port: number, tls?: ConnectionOptions): Promise<StargazerError | "passed"> => {
  const { username, password } = new URL(place.redis.url);
  const client = place.open(`redis://${username}:${password}@localhost:${port}`, tls && { tls });
  return pingGate(client, { owned: true, signal: soon(), timeoutMs: deadlines.fact }).then(
    () => "passed" as const,
    (error: StargazerError) => error,
  );
};

describe("F45: a certificate of the server", () => {
  const ca = trusted;
  it.each<[string, TlsOptions, ConnectionOptions, string, string]>([
    ["for another host", { cert: forAnotherHost }, { ca }, "is not for localhost, but for DNS:redis.example.org", "servername"],
    ["that has expired", { cert: expired }, { ca }, "has expired", "Renew it"],
    ["that is not valid yet", { cert: notYetValid }, { ca }, "is not valid yet", "clock"],
    ["that is self-signed", { cert: selfSigned }, {}, "is self-signed", "NODE_EXTRA_CA_CERTS"],
    ["of an unknown CA", { cert: forThisMachine }, {}, "is of a CA that is not trusted here", "NODE_EXTRA_CA_CERTS"],
  ])("%s is the verdict, with advice that fits", async (_, server, client, clause, advice) => {
    const port = await listening(encrypted(server));
    expect(await verdict(port, client)).toMatchObject({
      message: `its certificate ${clause}`,
      advice: expect.stringContaining(advice),
    });
  });

  it.each<[string, TlsOptions, ConnectionOptions]>([
    ["that is trusted", { cert: forThisMachine }, { ca }],
    ["for the name that the client gives", { cert: forAnotherHost }, { ca, servername: "redis.example.org" }],
    ["that is self-signed and trusted", { cert: selfSigned }, { ca: selfSigned }],
  ])("%s lets the gate be passed", async (_, server, client) => {
    const port = await listening(encrypted(server));
    expect(await verdict(port, client)).toBe("passed");
  });
});

describe("F45: a handshake that the server refuses", () => {
  const asking = { cert: forThisMachine, ca: trusted, requestCert: true, rejectUnauthorized: true };
  it.each<[string, TlsOptions, ConnectionOptions, string, string]>([
    ["for want of the client's certificate", asking, {}, "it demands a certificate of the client", "cert, key"],
    [
      "for want of the client's certificate, in TLS 1.2",
      { ...asking, maxVersion: "TLSv1.2" },
      {},
      "it refuses the TLS handshake: it demands a certificate of the client, or has no cipher in common",
      "cert, key",
    ],
    [
      "for its version",
      { cert: forThisMachine, maxVersion: "TLSv1.2" },
      { minVersion: "TLSv1.3" },
      "it has no version of TLS in common with this process",
      "--tls-min-v1.x",
    ],
  ])("%s is the verdict, with advice that fits", async (_, server, client, message, advice) => {
    const port = await listening(encrypted(server));
    expect(await verdict(port, { ca: trusted, ...client })).toMatchObject({
      message,
      advice: expect.stringContaining(advice),
    });
  });

  it("is the verdict also where the reset of the connection reaches the client before the alert", async () => {
    const behind = encrypted(asking);
    let cut = 0;
    const server = createServer((socket) => {
      socket.once("data", (hello) => {
        socket.pause().unshift(hello);
        behind.emit("connection", socket);
        // the client sends its commands with the end of its handshake
        if (cut < 1) socket.once("data", () => socket.resetAndDestroy());
        cut += 1;
      });
    });
    const port = await listening(server);
    expect(await verdict(port, { ca: trusted })).toMatchObject({
      message: "it demands a certificate of the client",
    });
  });
});

describe("F45: a client without TLS", () => {
  it.each<[string, (socket: Socket) => void]>([
    ["resets", (socket) => socket.resetAndDestroy()],
    ["ends", (socket) => socket.end()],
  ])("at a port that speaks nothing else, and %s the connection without a reply, is the verdict", async (_, cut) => {
    const behind = encrypted({ cert: expired });
    let cuts = 0;
    const server = createServer((socket) => {
      socket.once("data", (first) => {
        if (first[0] !== 22) {
          cuts += 1;
          return cut(socket);
        }
        socket.pause().unshift(first);
        behind.emit("connection", socket);
      });
    });
    const port = await listening(server);
    expect(await verdict(port)).toMatchObject({
      message: "its port speaks TLS only",
      advice: expect.stringContaining("rediss://"),
    });
    expect(cuts).toBeGreaterThan(0);
  });

  it("that is cut by a server without TLS is not asked to use it", async () => {
    const server = createServer((socket) => socket.on("data", () => socket.resetAndDestroy()));
    expect(await verdict(await listening(server))).toMatchObject({
      message: expect.not.stringContaining("TLS"),
    });
  });
});

describe("F45: an error of TLS", () => {
  it.each([
    ["ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", "", /^it refuses the TLS handshake/, /cert, key/],
    ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "tlsv1 alert unknown ca", /\(tlsv1 alert unknown ca\)$/, /tls-ca-cert-file/],
    ["ERR_OSSL_X509_KEY_VALUES_MISMATCH", "key values mismatch", /option tls cannot be used: key values mismatch$/, /PEM/],
    ["ERR_SSL_SOMETHING_NEW", "something new", /^its TLS failed: something new$/, /log/],
  ])("with the code %s has a clause without the text of OpenSSL, and advice", (code, reason, clause, advice) => {
    const error = Object.assign(new Error(`80DC42C8C77F0000:error:0A00045C:SSL routines::${reason}:../deps/x.c:1`), {
      code,
      reason,
    });
    expect(reasonOf(error)).toMatch(clause);
    expect(adviceFor(reasonOf(error), error)).toMatch(advice);
  });
});
