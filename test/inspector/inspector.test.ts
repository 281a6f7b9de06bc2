/** The inspector's server: what it sends to a page, which commands it takes, and what it never does to the service. */
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { readChoice } from "../../src/inspector/choice.ts";
import { inspect } from "../../src/inspector/inspect.ts";
import { Recorder } from "../../src/inspector/recorder.ts";
import { InspectorServer } from "../../src/inspector/server.ts";
import { EventReader } from "../kit/event-stream.ts";
import type { TestHooks } from "../kit/tier.ts";
import { aborted, TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** of each inspector, by its origin */
const tokens = new Map<string, string>();
const bearer = (origin: string) => ({ authorization: `Bearer ${tokens.get(origin)}` });

const opened = async (hooks: TestHooks = {}, { capacity = 500 } = {}) => {
  const service = new TestTier({ redis: null, useHealthServer: true }, hooks);
  const recorder = new Recorder(service, { capacity });
  const server = await InspectorServer.open({ service, recorder });
  cleanups.push(
    () => server.close(),
    () => service.shutdown(),
  );
  const [origin, token] = server.url.split("/#") as [string, string];
  tokens.set(origin, token);
  return { service, recorder, server, origin, token };
};

const reading = async (origin: string, headers: Record<string, string> = {}, query = ""): Promise<EventReader> => {
  const reader = await EventReader.open(`${origin}/events${query}`, { ...bearer(origin), ...headers });
  cleanups.push(() => reader.close());
  return reader;
};

const command = (origin: string, name: string, headers: Record<string, string>) =>
  fetch(`${origin}/command/${name}`, { method: "POST", headers });

const booted = async (given: Awaited<ReturnType<typeof opened>>) => {
  void given.service.runToCompletion();
  await given.service.waitFor("running");
  return given;
};

const seqs = (reader: EventReader): number[] => reader.records.map(({ seq }) => seq);

describe("the stream of a page", () => {
  it("begins with every record since init and the picture of now, however late the page connects", async () => {
    const { origin } = await booted(await opened());
    const reader = await reading(origin);
    const { data: picture } = await reader.until("a picture", ({ event }) => event === "picture");
    expect(reader.events[0]).toMatchObject({ event: "hello", data: { resumed: false, missed: 0 } });
    const taken = reader.records.filter(({ kind, machine }) => kind === "taken" && machine === "lifecycle");
    expect(taken[0]).toMatchObject({
      from: "init",
      to: "jitter",
      event: "boot",
      edges: ["lifecycle.init|boot|lifecycle.jitter"],
    });
    expect(taken.at(-1)).toMatchObject({ from: "healthy.ready", to: "running", word: "run" });
    expect(picture).toMatchObject({
      state: "running",
      allowed: ["shutdown"],
      waits: { what: "the tier's run", deadline: null },
      report: null,
    });
  });

  it("continues after the last id of the page, without a gap and without a repetition", async () => {
    const { service, origin } = await opened();
    const first = await reading(origin);
    await first.until("a picture", ({ event }) => event === "picture");
    void service.runToCompletion();
    await first.until("pinging", ({ data }) => data.to?.startsWith("pinging"));
    const lastId = first.of("record").at(-1)!.id!;
    first.close();
    await service.waitFor("running");
    const second = await reading(origin, { "last-event-id": lastId });
    await second.until("a picture", ({ event }) => event === "picture");
    expect(second.events[0]).toMatchObject({ event: "hello", data: { resumed: true, missed: 0 } });
    const all = [...seqs(first), ...seqs(second)];
    expect(all).toEqual(all.map((_, index) => index + 1));
    expect(second.records.some(({ to }) => to === "running")).toBe(true);
  });

  it("begins anew for an id of another start", async () => {
    const { origin } = await booted(await opened());
    for (const id of ["0123456789ab.3", "nonsense", "", "0123456789ab.99999999"]) {
      const reader = await reading(origin, {}, `?after=${id}`);
      await reader.until("a picture", ({ event }) => event === "picture");
      expect(reader.events[0]!.data.resumed).toBe(false);
      expect(seqs(reader)[0]).toBe(1);
    }
  });

  it("has the last records only, and the number of those that were dropped", async () => {
    const { recorder, origin } = await booted(await opened({}, { capacity: 5 }));
    expect(recorder.after(0)).toHaveLength(5);
    const reader = await reading(origin);
    await reader.until("a picture", ({ event }) => event === "picture");
    expect(reader.events[0]!.data).toMatchObject({ missed: recorder.newest - 5 });
    expect(seqs(reader)).toEqual([4, 3, 2, 1, 0].map((back) => recorder.newest - back));
  });

  it("has a refused record for a command of the program without an arrow", async () => {
    const { service, origin } = await booted(await opened());
    const reader = await reading(origin);
    await service.boot().catch(() => {});
    const { data } = await reader.until("a refusal", (sent) => sent.data.kind === "refused");
    expect(data).toMatchObject({ machine: "lifecycle", event: "boot", from: "running" });
  });

  it("has no refused record in an ordinary life", async () => {
    const { service, recorder } = await booted(await opened());
    await service.shutdown();
    expect(recorder.after(0).filter(({ kind }) => kind === "refused")).toEqual([]);
  });

  it("names the timer that the chart has set, and the tier's own phase", async () => {
    const gate = new AbortController();
    const { service, origin } = await opened({ onStart: (context) => context.phase("tools", () => aborted(gate.signal)) });
    const reader = await reading(origin);
    void service.runToCompletion();
    const { data } = await reader.until("tools", (sent) => sent.data.waits?.what === "the tier's onStart, tools");
    expect(data.waits.deadline).toMatchObject({ name: "startTimeout", delayMs: 60_000, endsMs: expect.any(Number) });
    gate.abort();
  });

  it("ends with the picture of the report, then an end event", async () => {
    const { service, origin } = await booted(await opened());
    const reader = await reading(origin);
    await service.shutdown("enough");
    await reader.until("the end", ({ event }) => event === "end");
    expect(reader.of("picture").at(-1)!.data).toMatchObject({
      state: "stopped",
      allowed: [],
      report: { outcome: "shutdown", reason: "enough", exitCode: 0 },
    });
    expect(reader.records.at(-1)).toMatchObject({ kind: "fact", fact: { type: "stopped" } });
  });
});

describe("a command of a page", () => {
  it("is accepted where the chart allows it: run in healthy, shutdown after it, none after the stop", async () => {
    const { service, origin, token } = await opened();
    const headers = { authorization: `Bearer ${token}` };
    const tooEarly = await command(origin, "run", headers);
    expect([tooEarly.status, await tooEarly.json()]).toEqual([
      409,
      { error: "run is not allowed in 'init'. Allowed: shutdown." },
    ]);
    await service.boot();
    expect((await command(origin, "run", headers)).status).toBe(202);
    await service.waitFor("running");
    expect((await command(origin, "run", headers)).status).toBe(409);
    expect((await command(origin, "shutdown", headers)).status).toBe(202);
    expect(await service.shutdown()).toMatchObject({ outcome: "shutdown", reason: "asked for in the inspector" });
  });

  it("is sent to every page as refused where the chart does not allow it", async () => {
    const { origin, token } = await booted(await opened());
    const reader = await reading(origin);
    await command(origin, "run", { authorization: `Bearer ${token}` });
    expect((await reader.until("a refusal", (sent) => sent.data.kind === "refused")).data).toMatchObject({
      event: "run",
      from: "running",
    });
  });

  it("is not found where there is none of that name, even with the token", async () => {
    const { origin, token } = await opened();
    for (const name of ["boot", "constructor", "lease.superseded"]) {
      expect((await command(origin, name, { authorization: `Bearer ${token}` })).status).toBe(404);
    }
  });

  const foreign = [
    { what: "no token", headers: {}, status: 401 },
    { what: "a wrong token", headers: { authorization: "Bearer AAAAAAAAAAAAAAAAAAAAAA" }, status: 401 },
    { what: "the origin of another site", headers: { origin: "https://example.com" }, status: 403, hasToken: true },
    { what: "the origin of another port", headers: { origin: "http://127.0.0.1:1" }, status: 403, hasToken: true },
    { what: "an opaque origin", headers: { origin: "null" }, status: 403, hasToken: true },
  ];
  it.each(foreign)("with $what is refused with $status, and the service runs on", async ({ headers, status, hasToken }) => {
    const { service, origin, token } = await booted(await opened());
    const given = hasToken ? { authorization: `Bearer ${token}`, ...headers } : headers;
    expect((await command(origin, "shutdown", given)).status).toBe(status);
    expect(service.state).toBe("running");
  });
});

describe("the inspector's server", () => {
  it.each(["evil.example", "evil.example:80", "192.168.0.7.example", ""])("answers 421 under the host name %j", async (host) => {
    const { origin } = await opened();
    const { port } = new URL(origin);
    const socket = connect({ host: "127.0.0.1", port: Number(port) });
    let answer = "";
    socket.on("data", (chunk) => {
      answer += String(chunk);
    });
    socket.write(`GET /events HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    await eventually("an answer", () => answer !== "");
    expect(answer).toMatch(/^HTTP\/1\.1 421/);
    socket.destroy();
  });

  it("serves the page's own files only, under a policy without inline code and style", async () => {
    const { origin } = await opened();
    const page = await fetch(`${origin}/`);
    const policy = page.headers.get("content-security-policy")!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    const html = await page.text();
    expect(html).not.toMatch(/<script>|<style|\son[a-z]+=|\sstyle=/);
    for (const [, file] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g)) expect((await fetch(`${origin}${file}`)).status).toBe(200);
    for (const path of [
      "/inspector/page/../server.ts",
      "/inspector/page/%2e%2e/server.ts",
      "/inspector/page/tsconfig.json",
      "/package.json",
    ]) {
      expect((await fetch(`${origin}${path}`, { headers: bearer(origin) })).status).toBe(404);
    }
  });

  it.each(["/events", "/chart/lifecycle", "/command/run", "/nothing", "/%zz", "/command/%zz", `/command/${"x".repeat(200)}`])(
    "answers %s with 401 without its token",
    async (path) => {
      const { origin } = await opened();
      const { status, headers } = await fetch(`${origin}${path}`, { headers: { authorization: "Bearer no" } });
      expect([status, headers.get("www-authenticate"), headers.get("x-content-type-options")]).toEqual([
        401,
        "Bearer",
        "nosniff",
      ]);
    },
  );

  it("listens on loopback only", async () => {
    const { server } = await opened();
    expect(new URL(server.url).hostname).toBe("127.0.0.1");
  });
});

describe("an inspected service", () => {
  it("stops while a page reads nothing, and the port is free when the server has closed", async () => {
    const { service, server, origin } = await booted(await opened());
    const port = Number(new URL(origin).port);
    const idle = connect({ host: "127.0.0.1", port });
    idle.on("error", () => {});
    idle.pause();
    const { authorization } = bearer(origin);
    idle.write(`GET /events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: ${authorization}\r\n\r\n`);
    const silent = connect({ host: "127.0.0.1", port });
    silent.on("error", () => {});
    await eventually("both are connected", () => !idle.connecting && !silent.connecting);
    expect(await service.shutdown()).toMatchObject({ outcome: "shutdown", failures: [] });
    await server.close();
    await expect(fetch(origin)).rejects.toThrow();
    idle.destroy();
    silent.destroy();
  });

  it("has a page disconnected that reads too slowly; the others get every record", async () => {
    const { recorder, origin } = await booted(await opened());
    const idle = await reading(origin);
    idle.response.pause();
    const reader = await reading(origin);
    const word = "x".repeat(20_000);
    for (let count = 0; count < 1000; count += 1) {
      recorder.add({ kind: "refused", machine: "lifecycle", event: "none", word, from: "" });
      // fewer bytes at once than a page may leave unread
      if (count % 10 === 0) await eventually("the reader has all", () => reader.records.at(-1)?.seq === recorder.newest);
    }
    await eventually(
      "the slow one is disconnected",
      () => idle.isEnded || idle.response.destroyed || idle.response.socket.destroyed || idle.response.resume().readableEnded,
    );
    await eventually("the other has all of it", () => reader.records.at(-1)?.seq === recorder.newest);
  });

  it("runs on without an inspector where the port is taken, and the line names it", async () => {
    const { server } = await opened();
    const service = new TestTier({ redis: null });
    const lines: string[] = [];
    const port = Number(new URL(server.url).port);
    const inspection = inspect(service, { kind: "page", port }, { print: (line) => lines.push(line) });
    expect(await inspection.url).toBeUndefined();
    expect(lines).toEqual([expect.stringContaining(`port ${port} on 127.0.0.1 is taken`)]);
    void service.runToCompletion();
    await service.waitFor("running");
    expect((await service.shutdown()).outcome).toBe("shutdown");
    await inspection.close();
  });

  it("may have stopped before the inspection begins", async () => {
    const service = new TestTier({ redis: null });
    await service.shutdown();
    const lines: string[] = [];
    const inspection = inspect(service, { kind: "page", port: 0 }, { print: (line) => lines.push(line) });
    await inspection.close();
    expect(service.state).toBe("stopped");
  });
});

describe("the value of --inspect and SG_INSPECT", () => {
  const cases = [
    ["", { kind: "page", port: 0 }],
    ["page", { kind: "page", port: 0 }],
    ["1", { kind: "page", port: 0 }],
    ["4300", { kind: "page", port: 4300 }],
    ["stately", { kind: "stately" }],
    ["ws://127.0.0.1:8080", { kind: "receiver", url: "ws://127.0.0.1:8080" }],
    ["wss://example.com/room", { kind: "receiver", url: "wss://example.com/room" }],
  ] as const;
  it.each(cases)("%j is a choice", (text, choice) => {
    expect(readChoice(text, "--inspect")).toEqual(choice);
  });

  it.each(["yes please", "70000", "http://127.0.0.1", "stately.ai"])(
    "%j is refused, and the error lists what it may be",
    (text) => {
      expect(() => readChoice(text, "SG_INSPECT")).toThrow(/SG_INSPECT is .* may be page, a port, stately, or a ws:\/\/ URL/);
    },
  );
});
