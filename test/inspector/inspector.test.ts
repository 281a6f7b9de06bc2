/** The inspector's server: what a page is told, what it may ask, and what it must never do to the service. */
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

const opened = async (hooks: TestHooks = {}, { capacity = 500 } = {}) => {
  const service = new TestTier({ redis: null, useHealthServer: true }, hooks);
  const recorder = new Recorder(service, { capacity });
  const server = await InspectorServer.open({ service, recorder });
  cleanups.push(
    () => server.close(),
    () => service.shutdown(),
  );
  const [origin, token] = server.url.split("/#") as [string, string];
  return { service, recorder, server, origin, token };
};

const reading = async (origin: string, headers: Record<string, string> = {}, query = ""): Promise<EventReader> => {
  const reader = await EventReader.open(`${origin}/events${query}`, headers);
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

describe("what a page is told", () => {
  it("one that joins late is told everything since init, then how it looks now", async () => {
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

  it("one that comes back with the last id it saw misses nothing and is told nothing twice", async () => {
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

  it("an id of another start resumes nothing: the page begins anew", async () => {
    const { origin } = await booted(await opened());
    for (const id of ["0123456789ab.3", "nonsense", "", "0123456789ab.99999999"]) {
      const reader = await reading(origin, {}, `?after=${id}`);
      await reader.until("a picture", ({ event }) => event === "picture");
      expect(reader.events[0]!.data.resumed).toBe(false);
      expect(seqs(reader)[0]).toBe(1);
    }
  });

  it("the ring keeps the last records only, and says how many were dropped", async () => {
    const { recorder, origin } = await booted(await opened({}, { capacity: 5 }));
    expect(recorder.after(0)).toHaveLength(5);
    const reader = await reading(origin);
    await reader.until("a picture", ({ event }) => event === "picture");
    expect(reader.events[0]!.data).toMatchObject({ missed: recorder.newest - 5 });
    expect(seqs(reader)).toEqual([4, 3, 2, 1, 0].map((back) => recorder.newest - back));
  });

  it("a command of the program that has no arrow is told as refused", async () => {
    const { service, origin } = await booted(await opened());
    const reader = await reading(origin);
    await service.boot().catch(() => {});
    const { data } = await reader.until("a refusal", (sent) => sent.data.kind === "refused");
    expect(data).toMatchObject({ machine: "lifecycle", event: "boot", from: "running" });
  });

  it("an ordinary life has no refusal in it", async () => {
    const { service, recorder } = await booted(await opened());
    await service.shutdown();
    expect(recorder.after(0).filter(({ kind }) => kind === "refused")).toEqual([]);
  });

  it("the deadline is the one that the chart has really set, and the tier's own phase is named", async () => {
    const gate = new AbortController();
    const { service, origin } = await opened({ onStart: (context) => context.phase("tools", () => aborted(gate.signal)) });
    const reader = await reading(origin);
    void service.runToCompletion();
    const { data } = await reader.until("tools", (sent) => sent.data.waits?.what === "the tier's onStart, tools");
    expect(data.waits.deadline).toMatchObject({ name: "startTimeout", delayMs: 60_000 });
    expect(data.waits.deadline.startedAt).toBeGreaterThanOrEqual(data.startedAt);
    gate.abort();
  });

  it("the last picture says how it stopped, and that no more will come", async () => {
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

describe("what a page may ask", () => {
  it("only what the chart allows: run in healthy, shutdown after it, nothing once stopped", async () => {
    const { service, origin, token } = await opened();
    const headers = { "x-stargazer-token": token };
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

  it("what it may not is told to every page as refused", async () => {
    const { origin, token } = await booted(await opened());
    const reader = await reading(origin);
    await command(origin, "run", { "x-stargazer-token": token });
    expect((await reader.until("a refusal", (sent) => sent.data.kind === "refused")).data).toMatchObject({
      event: "run",
      from: "running",
    });
  });

  it("a command that is none is not found, not even with the token", async () => {
    const { origin, token } = await opened();
    for (const name of ["boot", "constructor", "lease.superseded"]) {
      expect((await command(origin, name, { "x-stargazer-token": token })).status).toBe(404);
    }
  });

  const foreign = [
    { what: "no token", headers: {}, status: 403 },
    { what: "a wrong token", headers: { "x-stargazer-token": "AAAAAAAAAAAAAAAAAAAAAA" }, status: 403 },
    { what: "the origin of another site", headers: { origin: "https://example.com" }, status: 421 },
    { what: "the origin of another port", headers: { origin: "http://127.0.0.1:1" }, status: 421 },
    { what: "an opaque origin", headers: { origin: "null" }, status: 421 },
  ];
  it.each(foreign)("with $what a command is refused with $status, and the service runs on", async ({ headers, status }) => {
    const { service, origin, token } = await booted(await opened());
    const given = status === 421 ? { "x-stargazer-token": token, ...headers } : headers;
    expect((await command(origin, "shutdown", given)).status).toBe(status);
    expect(service.state).toBe("running");
  });

  it.each(["evil.example", "evil.example:80", "192.168.0.7", ""])("under the name %j nothing is answered", async (host) => {
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

  it("only the page's own files are served, under a policy that forbids inline code and style", async () => {
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
      expect((await fetch(`${origin}${path}`)).status).toBe(404);
    }
  });

  it("it listens on loopback and nowhere else", async () => {
    const { server } = await opened();
    expect(new URL(server.url).hostname).toBe("127.0.0.1");
  });
});

describe("what it never does to the service", () => {
  it("a page that reads nothing does not hold the stop, and the port is free when the server has closed", async () => {
    const { service, server, origin } = await booted(await opened());
    const port = Number(new URL(origin).port);
    const deaf = connect({ host: "127.0.0.1", port });
    deaf.on("error", () => {});
    deaf.pause();
    deaf.write(`GET /events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    const silent = connect({ host: "127.0.0.1", port });
    silent.on("error", () => {});
    await eventually("both are connected", () => !deaf.connecting && !silent.connecting);
    expect(await service.shutdown()).toMatchObject({ outcome: "shutdown", failures: [] });
    await server.close();
    await expect(fetch(origin)).rejects.toThrow();
    deaf.destroy();
    silent.destroy();
  });

  it("a page that does not keep up is let go, the others are told on", async () => {
    const { recorder, origin } = await booted(await opened());
    const deaf = await reading(origin);
    deaf.response.pause();
    const reader = await reading(origin);
    const word = "x".repeat(20_000);
    for (let count = 0; count < 1000; count += 1) {
      recorder.add({ kind: "refused", machine: "lifecycle", event: "none", word, from: "" });
      if (count % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(
      "the deaf one is cut",
      () => deaf.isEnded || deaf.response.destroyed || deaf.response.socket.destroyed || deaf.response.resume().readableEnded,
    );
    await eventually("the other has all of it", () => reader.records.at(-1)?.seq === recorder.newest);
  });

  it("a port that is taken is said, and the service runs on without an inspector", async () => {
    const { server } = await opened();
    const service = new TestTier({ redis: null });
    const said: string[] = [];
    const port = Number(new URL(server.url).port);
    const inspection = inspect(service, { kind: "page", port }, { say: (line) => said.push(line) });
    expect(await inspection.url).toBeUndefined();
    expect(said).toEqual([expect.stringContaining(`port ${port} on 127.0.0.1 is taken`)]);
    void service.runToCompletion();
    await service.waitFor("running");
    expect((await service.shutdown()).outcome).toBe("shutdown");
    await inspection.close();
  });

  it("a service that has stopped already is inspected without harm", async () => {
    const service = new TestTier({ redis: null });
    await service.shutdown();
    const said: string[] = [];
    const inspection = inspect(service, { kind: "page", port: 0 }, { say: (line) => said.push(line) });
    await inspection.close();
    expect(service.state).toBe("stopped");
  });
});

describe("what --inspect and SG_INSPECT say", () => {
  const cases = [
    ["", { kind: "page", port: 0 }],
    ["page", { kind: "page", port: 0 }],
    ["1", { kind: "page", port: 0 }],
    ["4300", { kind: "page", port: 4300 }],
    ["stately", { kind: "stately" }],
    ["ws://127.0.0.1:8080", { kind: "receiver", url: "ws://127.0.0.1:8080" }],
    ["wss://example.com/room", { kind: "receiver", url: "wss://example.com/room" }],
  ] as const;
  it.each(cases)("%j is understood", (text, choice) => {
    expect(readChoice(text, "--inspect")).toEqual(choice);
  });

  it.each(["yes please", "70000", "http://127.0.0.1", "stately.ai"])("%j is refused with what it may be", (text) => {
    expect(() => readChoice(text, "SG_INSPECT")).toThrow(/SG_INSPECT is .* may be page, a port, stately, or a ws:\/\/ URL/);
  });
});
