/** The shell of every HTTP server: what it answers, what it refuses, and how it ends. */
import dns from "node:dns";
import { once } from "node:events";
import { request } from "node:http";
import { connect, isIP } from "node:net";
import { hostname } from "node:os";
import { afterEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import type { Guarded } from "../../src/http/guard.ts";
import { refusalBy } from "../../src/http/guard.ts";
import { answerHeaders } from "../../src/http/headers.ts";
import type { HttpServerOptions } from "../../src/http/server.ts";
import { HttpServer } from "../../src/http/server.ts";
import { addWebSockets } from "../../src/http/web-sockets.ts";
import { ask, dial } from "../kit/http-client.ts";
import { aborted } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** longer than a test may take: what waits for it fails by the test's own deadline */
const forever = 60_000;

const created = async (options: Partial<HttpServerOptions> = {}) => {
  const stopping = new AbortController();
  const logged: object[] = [];
  const write = (fields: object) => void logged.push(fields);
  const log = { debug: write, info: write, warn: write, error: write };
  const address = { host: "127.0.0.1", port: 0, advice: "Set A_PORT." };
  const server = await HttpServer.create({ ...address, signal: stopping.signal, log, ...options });
  cleanups.push(() => {
    stopping.abort();
    return server.close();
  });
  return { server, stopping, logged };
};

describe("an HTTP server", () => {
  it("answers an unknown path with 404 and names it", async () => {
    const { server } = await created();
    const { port } = await server.listen();
    const { status, data } = await ask(port, "/nowhere", { method: "PUT" });
    expect([status, data]).toEqual([404, { error: "there is no PUT /nowhere" }]);
  });

  it("answers a failing route with 500, logs the reason and does not send it", async () => {
    const { server, logged } = await created();
    server.app.get("/broken", async () => {
      throw new Error("the reason");
    });
    const { port } = await server.listen();
    const { status, data } = await ask(port, "/broken");
    expect([status, data]).toEqual([500, { error: "internal error" }]);
    expect(logged).toEqual([{ type: "http.failed", url: "/broken", reason: "the reason" }]);
  });

  it("sends its headers with each answer, the unknown path's too", async () => {
    const { server } = await created({ headers: (host) => ({ "x-asked-as": String(host) }) });
    const { port } = await server.listen();
    expect((await ask(port, "/nowhere")).headers["x-asked-as"]).toBe(`127.0.0.1:${port}`);
  });

  it("refuses a route with a schema, whose compiler it does not load", async () => {
    const { server } = await created();
    server.app.post("/", { schema: { body: { type: "object" } } }, async () => "");
    await expect(server.listen()).rejects.toThrow("no route of a Stargazer server may have a schema");
  });

  it("rejects for a port that is taken, with the advice", async () => {
    const { server } = await created();
    const { port } = await server.listen();
    const second = (await created({ port })).server;
    const message = `port ${port} on 127.0.0.1 is taken. Set A_PORT.`;
    await expect(second.listen()).rejects.toMatchObject({ code: "SG_ERR_START_FAILED", message });
  });

  it("rejects for a host that is none, with the advice", async () => {
    const { server } = await created({ host: "192.0.2.1" });
    await expect(server.listen()).rejects.toThrow(
      /^port 0 on 192\.0\.2\.1 cannot be listened on: it is no address of this machine\. Set A_PORT\.$/,
    );
  });

  it("F42: that listens on a name has the address that is listened on, where no other server answers in its place", async () => {
    const { server } = await created({ host: "localhost" });
    expect(isIP((await server.listen()).host)).toBeGreaterThan(0);
  });

  it("does not listen when its signal aborts while the host name is resolved", async () => {
    let resolveName = () => {};
    const lookup = vi.spyOn(dns, "lookup").mockImplementation(((_name: string, done: (...args: unknown[]) => void) => {
      resolveName = () => done(null, "127.0.0.1", 4);
    }) as unknown as typeof dns.lookup);
    cleanups.push(() => lookup.mockRestore());
    const { server, stopping } = await created({ host: "some.name" });
    const listening = server.listen();
    await eventually("the name is being resolved", () => lookup.mock.calls.length > 0);
    stopping.abort(new Error("stopping"));
    resolveName();
    await expect(listening).rejects.toThrow("stopping");
    await eventually("nothing listens", () => !server.app.server.listening);
  });
});

describe("an HTTP server that is closed", () => {
  it("before it listens does not listen any more", async () => {
    const { server } = await created();
    await server.close();
    await expect(server.listen()).rejects.toMatchObject({ code: "SG_ERR_START_FAILED", message: "the server has been closed" });
    expect(server.app.server.listening).toBe(false);
  });

  it("while the host name is resolved has no port afterwards", async () => {
    let resolveName = () => {};
    const lookup = vi.spyOn(dns, "lookup").mockImplementation(((_name: string, done: (...args: unknown[]) => void) => {
      resolveName = () => done(null, "127.0.0.1", 4);
    }) as unknown as typeof dns.lookup);
    cleanups.push(() => lookup.mockRestore());
    const { server } = await created({ host: "some.name" });
    const listening = server.listen();
    listening.catch(() => {});
    await eventually("the name is being resolved", () => lookup.mock.calls.length > 0);
    await server.close();
    resolveName();
    await expect(listening).rejects.toThrow("the server has been closed");
    await eventually("nothing listens", () => !server.app.server.listening);
  });
});

describe("the end of an HTTP server", () => {
  it("makes each answer the last on its connection once the signal has aborted", async () => {
    const { server, stopping } = await created();
    server.app.get("/", async () => "here");
    const { port } = await server.listen();
    stopping.abort();
    const { status, headers } = await ask(port, "/");
    expect([status, headers.connection]).toEqual([200, "close"]);
  });

  it("answers the requests under way", async () => {
    const { server, stopping } = await created({ graceMs: forever });
    const answer = new AbortController();
    const asked = new Promise<void>((resolve) => {
      server.app.get("/", async () => {
        resolve();
        await aborted(answer.signal);
        return "finished";
      });
    });
    const { port } = await server.listen();
    const answered = ask(port, "/");
    await asked;
    stopping.abort();
    const closed = server.close();
    await eventually("the port is free", () => !server.app.server.listening);
    answer.abort();
    expect((await answered).body).toBe("finished");
    await closed;
  });

  it.each([
    ["without a byte", ""],
    ["with half a request", "GET / HTTP/1.1\r\n"],
  ])("does not wait for a connection %s", async (_, bytes) => {
    const { server, stopping } = await created({ graceMs: forever });
    const { port } = await server.listen();
    const { socket, received } = await dial(port);
    socket.write(bytes);
    stopping.abort();
    await server.close();
    await received.catch(() => {});
  });

  it("accepts what is in the backlog first", async () => {
    const { server, stopping } = await created({ graceMs: forever });
    server.app.get("/", async () => "served");
    const { port } = await server.listen();
    // the kernel completes these connections; Node accepts one each turn of the event loop
    const outgoing = Array.from({ length: 20 }, () => request({ host: "127.0.0.1", port, agent: false }).end());
    const answers = Promise.all(outgoing.map((one) => once(one, "response")));
    await Promise.all(outgoing.map(async (one) => once((await once(one, "socket"))[0], "connect")));
    stopping.abort();
    const closed = server.close();
    const statuses = (await answers).map(([response]) => response.resume().statusCode);
    expect(statuses).toEqual(Array(20).fill(200));
    await closed;
  });

  it("destroys after its grace a request that is never answered", async () => {
    const { server, stopping } = await created({ graceMs: 20 });
    const asked = new Promise<void>((resolve) => {
      server.app.get("/", () => {
        resolve();
        return new Promise(() => {});
      });
    });
    const { port } = await server.listen();
    const answered = ask(port, "/");
    answered.catch(() => {});
    await asked;
    stopping.abort();
    await server.close();
    await expect(answered).rejects.toThrow(/hang up|ECONNRESET/);
  });

  it("F38: answers a request that offers another protocol as if it did not, with its body, beside WebSocket routes", async () => {
    const { server } = await created();
    await addWebSockets(server.app, { maxPayload: 100, reason: "" });
    server.app.post("/hook", async ({ body, headers }) => ({ body, upgrade: headers.upgrade ?? null }));
    const { port } = await server.listen();
    const { socket, received } = await dial(port);
    const head = ["POST /hook HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Content-Length: 7"];
    const offer = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEA", "", ""];
    socket.end(`${[...head, ...offer].join("\r\n")}{"a":1}`);
    const answer = await received;
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toContain('{"body":{"a":1},"upgrade":null}');
  });

  it("F38: keeps no listener on a connection whose requests each offer another protocol", async () => {
    const { server } = await created();
    await addWebSockets(server.app, { maxPayload: 100, reason: "" });
    const listeners: number[] = [];
    server.app.addHook("onResponse", async ({ raw }) => void listeners.push(raw.socket.listenerCount("close")));
    server.app.get("/", async () => ({}));
    const { port } = await server.listen();
    const { socket, received } = await dial(port);
    for (let count = 1; count <= 3; count += 1) {
      socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
      await eventually("its answer", () => listeners.length === count);
    }
    expect(listeners[2]).toBe(listeners[0]);
    socket.end();
    expect((await received).match(/HTTP\/1\.1 200 /g)).toHaveLength(3);
  });

  it("F38: ends a connection whose request offers another protocol and asks for its end", async () => {
    const { server } = await created();
    await addWebSockets(server.app, { maxPayload: 100, reason: "" });
    server.app.get("/", async ({ headers }) => ({ connection: headers.connection ?? null }));
    const { port } = await server.listen();
    const { socket, received } = await dial(port);
    const chunks: string[] = [];
    socket.on("data", (chunk) => chunks.push(String(chunk)));
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n");
    await eventually("its answer", () => chunks.join("").endsWith("}"));
    expect(chunks.join("")).toMatch(/^connection: close\r$/im);
    expect(await received).toContain('{"connection":"close"}');
  });

  it("closes WebSockets with 1001 and the reason", async () => {
    const { server, stopping } = await created({ graceMs: forever });
    await addWebSockets(server.app, { maxPayload: 100, reason: "stopping" });
    server.app.get("/", { websocket: true }, () => {});
    const { port } = await server.listen();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    await once(socket, "open");
    const ended = once(socket, "close");
    stopping.abort();
    await server.close();
    const [code, reason] = await ended;
    expect([code, String(reason)]).toEqual([1001, "stopping"]);
  });

  it("is one: each call returns the same promise, also before it listens", async () => {
    const { server, stopping } = await created();
    stopping.abort();
    expect(server.close()).toBe(server.close());
    await server.close();
    await expect(server.listen()).rejects.toThrow();
  });
});

describe("F55: the guard", () => {
  const named: Guarded = { host: "worker.internal", allowedHosts: ["Chat.Example.org", ".svc"], origins: ["https://chat.org"] };
  const own: Guarded = { ...named, origins: "same" };
  const byName = (host: string) => ({ url: "/status", headers: { host } });

  it.each([
    ...["127.0.0.1", "10.1.2.3:9090", "[::1]:80", "[fd00::7]", "0.0.0.0:80", "localhost:80", "LOCALHOST", "localhost."],
    ...["worker.internal", `${hostname()}:9090`, "chat.example.org:443", "web.prod.svc:9090"],
  ])("the name %s is answered", (host) => {
    expect(refusalBy(named, { method: "GET", ...byName(host) })).toBeUndefined();
  });

  it.each([
    ...["evil.example", "127.0.0.1.example.com", "localhost.example.com", "other.example.org", "a.chat.example.org", "svc"],
    ...["", "a b", "user@127.0.0.1", "127.0.0.1;x", "[::1", ":80"],
  ])("the name '%s' is 421, and the answer names the variable", (host) => {
    expect(refusalBy(named, { method: "GET", ...byName(host) })).toEqual({
      status: 421,
      error: expect.stringMatching(/^this server does not answer under the name ".*": SG_ALLOWED_HOSTS lists/),
    });
  });

  it("a request without a Host header is answered, and the authority of its target is a name like another", () => {
    expect(refusalBy(named, { method: "GET", url: "/status", headers: {} })).toBeUndefined();
    const absolute = (name: string) => ({ method: "GET", url: `http://${name}/status`, headers: { host: "127.0.0.1" } });
    expect(refusalBy(named, absolute("localhost:80"))).toBeUndefined();
    expect(refusalBy(named, absolute("evil.example"))?.status).toBe(421);
  });

  const crossSite = { host: "localhost:80", "sec-fetch-site": "cross-site" };
  const link = { ...crossSite, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
  it.each([
    ["a page of another site", "GET", crossSite, named, 403],
    ["a link on another site", "GET", link, named, undefined],
    ["a form on another site", "POST", link, named, 403],
    ["a frame in another site", "GET", { ...link, "sec-fetch-dest": "iframe" }, named, 403],
    ["a page of an origin that is listed", "GET", { ...crossSite, origin: "https://chat.org" }, named, undefined],
    ["a page of this machine", "GET", { ...crossSite, origin: "http://127.0.0.1:8090" }, named, undefined],
    ["a page of another site, where only its own may ask", "GET", { ...crossSite, origin: "http://127.0.0.1:8090" }, own, 403],
    ["a page of its own", "POST", { host: "localhost:80", origin: "http://localhost:80" }, own, undefined],
    ["a page of another port", "POST", { host: "localhost:80", origin: "http://localhost:81" }, own, 403],
    ["an opaque origin", "POST", { host: "localhost:80", origin: "null" }, own, 403],
  ] as const)("%s: %s %j", (_, method, headers, server, status) => {
    expect(refusalBy(server, { method, url: "/", headers })?.status).toBe(status);
  });

  it("has each answer say what it is, a refusal and an unknown path too", async () => {
    const { server } = await created();
    const { port } = await server.listen();
    for (const { status, headers } of [await ask(port, "/nowhere"), await ask(port, "/", { headers: { host: "evil.example" } })])
      expect([status, headers]).toEqual([expect.any(Number), expect.objectContaining(answerHeaders)]);
  });

  it("answers under the names in SG_ALLOWED_HOSTS where no option has any", async () => {
    vi.stubEnv("SG_ALLOWED_HOSTS", " chat.example.org, .svc ");
    cleanups.push(() => vi.unstubAllEnvs());
    const { port } = await (await created()).server.listen();
    const statusOf = async (host: string) => (await ask(port, "/", { headers: { host } })).status;
    expect([await statusOf("chat.example.org"), await statusOf("web.svc"), await statusOf("example.org")]).toEqual([
      404, 404, 421,
    ]);
  });

  it.each(["/%zz", "/%E0%A4", `/named/${"x".repeat(200)}`])("covers %s too, which the router cannot read", async (path) => {
    const { server } = await created({ token: "the-token" });
    server.app.get("/named/:name", async () => "");
    const { port } = await server.listen();
    const asked = async (headers: Record<string, string>) => {
      const answer = await ask(port, path, { headers });
      expect(answer.headers).toMatchObject(answerHeaders);
      return answer.status;
    };
    const authorization = "Bearer the-token";
    expect(await asked({ authorization, host: "evil.example" })).toBe(421);
    expect(await asked({ authorization, "sec-fetch-site": "cross-site" })).toBe(403);
    expect(await asked({})).toBe(401);
    expect([400, 414]).toContain(await asked({ authorization }));
  });

  it("ends the connection of an upgrade that it refuses", async () => {
    const { server } = await created();
    await addWebSockets(server.app, { maxPayload: 100, reason: "" });
    server.app.get("/", { websocket: true }, () => {});
    const { port } = await server.listen();
    const socket = connect({ host: "127.0.0.1", port });
    const head = ["GET / HTTP/1.1", "Host: example.com", "Upgrade: websocket", "Connection: Upgrade"];
    const key = ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
    socket.write(`${[...head, ...key].join("\r\n")}\r\n\r\n`);
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(/^HTTP\/1\.1 421/);
    await once(socket.resume(), "close");
  });
});
