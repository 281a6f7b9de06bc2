/** Stately's inspector, seen from its receiving side: with the package's own receiver, and with its own relay. */

import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer, Server } from "node:net";
import { fileURLToPath } from "node:url";
import { createWebSocketReceiver } from "@statelyai/inspect";
import { createInspectorServer } from "@statelyai/inspect/server";
import { afterEach, describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { InspectChoice } from "../../src/inspector/choice.ts";
import type { Inspection } from "../../src/inspector/inspect.ts";
import { inspect } from "../../src/inspector/inspect.ts";
import { slim } from "../../src/inspector/slim.ts";
import { openShell } from "../kit/cli.ts";
import { reservePort } from "../kit/port-reservation.ts";
import type { TestHooks } from "../kit/tier.ts";
import { aborted, hangs, TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

interface Inspected {
  readonly service: TestTier;
  readonly inspection: Inspection;
  readonly lines: string[];
}

const inspected = (choice: InspectChoice, hooks: TestHooks = {}): Inspected => {
  const service = new TestTier({ redis: null }, hooks);
  const lines: string[] = [];
  const inspection = inspect(service, choice, { print: (line) => lines.push(line) });
  cleanups.push(
    () => inspection.close(),
    () => service.shutdown(),
  );
  return { service, inspection, lines };
};

// biome-ignore lint/suspicious/noExplicitAny: any JSON may have been sent
type Message = any;

const received = (url: string): Message[] => {
  const messages: Message[] = [];
  createWebSocketReceiver({ server: url }).subscribe((message) => messages.push(message));
  return messages;
};

/** For a receiver that takes a URL and nothing else. */
const socketUrl = (link: string): string => link.replace(/^http:\/\/(.*)\/#(.*)$/, "ws://:$2@$1/");
const actors = (messages: readonly Message[]): Message[] => messages.filter(({ type }) => type === "@xstate.actor");
const valuesOf = (messages: readonly Message[], sessionId: string): unknown[] =>
  messages
    .filter((message) => message.type === "@xstate.snapshot" && message.sessionId === sessionId)
    .map(({ snapshot }) => snapshot.value);

/** The package's relay would listen on every interface. */
const onLoopback = <T>(open: () => T): T => {
  const { listen } = Server.prototype;
  const spy = vi.spyOn(Server.prototype, "listen").mockImplementation(function (this: Server, port, done) {
    return listen.call(this, { port: Number(port), host: "127.0.0.1" }, done as () => void);
  });
  try {
    return open();
  } finally {
    spy.mockRestore();
  }
};

/** Takes connections and answers nothing. */
const silentServer = async (): Promise<{ port: number; sockets: Socket[] }> => {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
};

describe("our relay", () => {
  it("sends the package's own receiver the chart, the events and each state, in order", async () => {
    const { service, inspection } = inspected({ kind: "stately" });
    const messages = received(socketUrl((await inspection.url)!));
    void service.runToCompletion();
    await service.waitFor("running");
    await eventually("running was sent", () => messages.some(({ snapshot }) => snapshot?.value === "running"));
    const root = actors(messages).find(({ name }) => name === "lifecycle");
    expect(JSON.parse(root.definition)).toMatchObject({ id: "lifecycle", initial: "init" });
    expect(messages.filter(({ rootId }) => rootId !== root.sessionId)).toEqual([]);
    expect(valuesOf(messages, root.sessionId)).toEqual([
      "jitter",
      { pinging: "attempt" },
      "starting",
      "registering",
      { healthy: "ready" },
      "running",
    ]);
    expect(
      messages
        .filter(({ type, sessionId }) => type === "@xstate.event" && sessionId === root.sessionId)
        .map(({ event }) => event.type),
    ).toContain("run");
    const known = new Set(actors(messages).map(({ sessionId }) => sessionId));
    expect(messages.every(({ sessionId }) => known.has(sessionId))).toBe(true);
  });

  it("sends the charts first to a receiver that joins late", async () => {
    const { service, inspection } = inspected({ kind: "stately" });
    const url = (await inspection.url)!;
    void service.runToCompletion();
    await service.waitFor("running");
    const messages = received(socketUrl(url));
    await eventually("running was sent", () => messages.some(({ snapshot }) => snapshot?.value === "running"));
    expect(messages[0]).toMatchObject({ type: "@xstate.actor", name: "lifecycle" });
  });

  it("sends what happened while the package was loading", async () => {
    const { service, inspection } = inspected({ kind: "stately" });
    void service.runToCompletion();
    await service.waitFor("running");
    const messages = received(socketUrl((await inspection.url)!));
    await eventually("the boot was sent", () =>
      messages.some(({ event, type }) => type === "@xstate.event" && event.type === "boot"),
    );
  });

  it("listens on loopback, and a page of another site gets neither its page nor its messages", async () => {
    const { inspection } = inspected({ kind: "stately" });
    const url = (await inspection.url)!;
    expect(new URL(url).hostname).toBe("127.0.0.1");
    const foreign = new WebSocket(socketUrl(url), { origin: "https://example.com" });
    const [error] = await once(foreign, "error");
    expect(String(error)).toContain("403");
    const page = await fetch(url);
    expect(page.status).toBe(200);
    expect(page.headers.get("content-security-policy")).toContain("frame-src https://stately.ai");
    expect((await fetch(new URL("/package.json", url))).status).toBe(401);
  });

  it("F56: sends nothing to a receiver without the token of its link", async () => {
    const { inspection } = inspected({ kind: "stately" });
    const { host } = new URL((await inspection.url)!);
    for (const protocols of [[], ["stargazer", "stargazer.token.wrong"]]) {
      const [error] = await once(new WebSocket(`ws://${host}/`, protocols), "error");
      expect(String(error)).toContain("401");
    }
  });

  it("closes when the service has stopped", async () => {
    const { service, inspection } = inspected({ kind: "stately" });
    const url = (await inspection.url)!;
    const reader = new WebSocket(socketUrl(url));
    await once(reader, "open");
    const closed = once(reader, "close");
    await service.shutdown();
    await closed;
    await eventually("the port is free", () =>
      fetch(url).then(
        () => false,
        () => true,
      ),
    );
  });
});

describe("a receiver elsewhere", () => {
  it("may be the package's own relay, which passes everything on", async () => {
    const { port } = await reservePort();
    const relay = onLoopback(() => createInspectorServer({ port, autoOpen: false }));
    cleanups.push(() => relay.stop());
    const url = `ws://127.0.0.1:${port}`;
    const messages = received(url);
    const { service } = inspected({ kind: "receiver", url });
    void service.runToCompletion();
    await service.waitFor("running");
    await eventually("running was sent", () => messages.some(({ snapshot }) => snapshot?.value === "running"));
    expect(actors(messages).map(({ name }) => name)).toContain("lifecycle");
  });

  it("that is absent ends the inspection with one line, without the URL's query", async () => {
    const { port } = await reservePort();
    const { service, lines } = inspected({ kind: "receiver", url: `ws://127.0.0.1:${port}/?key=secret` });
    await eventually("the line", () => lines.length > 0);
    void service.runToCompletion();
    await service.waitFor("running");
    expect((await service.shutdown()).outcome).toBe("shutdown");
    expect(lines).toEqual([expect.stringContaining(`inspector ended: the receiver at 127.0.0.1:${port}: `)]);
    expect(lines.join()).not.toContain("secret");
  });

  it("that breaks later ends the inspection with one line, and the service runs on", async () => {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    await once(server, "listening");
    cleanups.push(() => server.close());
    const { service, lines } = inspected({ kind: "receiver", url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` });
    const [socket] = (await once(server, "connection")) as [WebSocket];
    void service.runToCompletion();
    await service.waitFor("running");
    socket.terminate();
    await eventually("the line", () => lines.length > 0);
    expect(service.state).toBe("running");
    expect((await service.shutdown()).outcome).toBe("shutdown");
    expect(lines).toEqual([expect.stringContaining("inspector ended")]);
  });

  it("that never answers holds neither boot nor stop, nor the end of the inspection", async () => {
    const { port } = await silentServer();
    const { service, inspection } = inspected({ kind: "receiver", url: `ws://127.0.0.1:${port}` });
    void service.runToCompletion();
    await service.waitFor("running");
    expect(await service.shutdown()).toMatchObject({ outcome: "shutdown", failures: [] });
    await inspection.close();
  });

  it("that never answers does not keep the process alive", async () => {
    const { port } = await silentServer();
    const shell = openShell();
    cleanups.push(() => shell.remove());
    const sample = fileURLToPath(new URL("../fixtures/modules/class.mjs", import.meta.url));
    const env = { SG_INSPECT: `ws://127.0.0.1:${port}`, SAMPLE_ENDS: "1" };
    const { code, err } = await shell.run(["run", sample], { env });
    expect(code).toBe(0);
    expect(err).not.toContain("still alive");
  });
});

describe("what is sent of a service", () => {
  it("has no function, no stack and no actor, and is bounded", () => {
    const circle: Record<string, unknown> = { name: "circle" };
    circle.self = circle;
    const given = {
      run() {},
      error: Object.assign(new Error("broken"), { code: "SG_ERR_FAILED" }),
      circle,
      big: 1n,
      text: "x".repeat(5000),
    };
    const sent = JSON.stringify(slim(given));
    expect(sent).not.toContain("stack");
    expect(sent.length).toBeLessThan(4000);
    expect(JSON.parse(sent)).toMatchObject({ error: { name: "Error", message: "broken", code: "SG_ERR_FAILED" }, big: "1" });
  });

  it("is a text about the error where reading throws", () => {
    const given = {
      get trap() {
        throw new Error("hands off");
      },
    };
    expect(slim(given)).toBe("(unreadable: hands off)");
  });

  it("is nothing without the package: the line names how to install it, and the service runs", async () => {
    vi.doMock("@statelyai/inspect", () => {
      throw new Error("Cannot find package");
    });
    cleanups.push(() => vi.doUnmock("@statelyai/inspect"));
    const { service, inspection, lines } = inspected({ kind: "stately" });
    expect(await inspection.url).toBeUndefined();
    expect(lines).toEqual([
      expect.stringContaining(
        "no inspector: Stately's inspector needs the package @statelyai/inspect: npm install @statelyai/inspect",
      ),
    ]);
    void service.runToCompletion();
    await service.waitFor("running");
  });

  it("does not change the stop of a hook that hangs", async () => {
    const { service, inspection } = inspected(
      { kind: "stately" },
      { onStart: (context) => Promise.race([hangs(), aborted(context.signal)]) },
    );
    await inspection.url;
    void service.runToCompletion();
    await service.waitFor("starting");
    expect((await service.shutdown()).outcome).toBe("shutdown");
  });
});
