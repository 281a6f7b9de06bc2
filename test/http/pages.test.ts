/** What pages are made of: event streams, files, headers, and the words that both pages share. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { EventStream, eventText } from "../../src/http/event-stream.ts";
import { pageHeaders } from "../../src/http/headers.ts";
import { age, briefly, duration } from "../../src/http/page/format.js";
import { servePage } from "../../src/http/page-files.ts";
import { HttpServer } from "../../src/http/server.ts";
import { silentLogger } from "../../src/logger.ts";
import { EventReader } from "../kit/event-stream.ts";
import { ask, dial } from "../kit/http-client.ts";
import { eventually } from "../kit/wait.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

const created = async () => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const server = await HttpServer.create({ host: "127.0.0.1", port: 0, advice: "", signal, log: silentLogger });
  cleanups.push(() => {
    stopping.abort();
    return server.close();
  });
  return server;
};

describe("an event stream", () => {
  const opened = async () => {
    const server = await created();
    const ending = new AbortController();
    const streams: EventStream[] = [];
    let closed = 0;
    server.app.get("/events", (_request, reply) => {
      streams.push(new EventStream(reply.header("x-page", "ours"), { signal: ending.signal, onClose: () => (closed += 1) }));
    });
    const { port } = await server.listen();
    const reader = await EventReader.open(`http://127.0.0.1:${port}/events`);
    cleanups.push(() => reader.close());
    return { stream: streams[0]!, reader, ending, closed: () => closed, port };
  };

  it("writes a name, an id and the data of each event", () => {
    expect(eventText({ event: "picture", id: "a.1", data: { text: "a\nb" } })).toBe(
      'id: a.1\nevent: picture\ndata: {"text":"a\\nb"}\n\n',
    );
    expect(eventText({ data: {} })).toBe("data: {}\n\n");
  });

  it("sends the headers of the answer that it takes, then its events", async () => {
    const { stream, reader } = await opened();
    stream.write(eventText({ event: "first", data: { at: 1 } }));
    expect((await reader.until("the event", ({ event }) => event === "first")).data).toEqual({ at: 1 });
    expect(reader.response.headers).toMatchObject({ "content-type": "text/event-stream; charset=utf-8", "x-page": "ours" });
  });

  it("ends when its signal aborts, and calls onClose once", async () => {
    const { stream, reader, ending, closed } = await opened();
    ending.abort();
    await eventually("the end", () => reader.isEnded && closed() === 1);
    stream.write(eventText({ data: {} }));
    stream.end();
    expect(closed()).toBe(1);
  });

  it("ends when a reader ends its side of the connection, behind its request too", async () => {
    const { closed, port } = await opened();
    const { socket } = await dial(port);
    socket.on("error", () => {}).end("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await eventually("the end", () => closed() === 1);
  });

  it("calls onClose when its reader leaves", async () => {
    const { reader, closed } = await opened();
    reader.close();
    await eventually("onClose", () => closed() === 1);
  });

  it("disconnects a reader that leaves more than 1 MiB unread", async () => {
    const { stream, reader, closed } = await opened();
    reader.response.pause();
    const data = { text: "x".repeat(100_000) };
    await eventually("onClose", () => {
      stream.write(eventText({ data }));
      return closed() === 1;
    });
  });
});

describe("the files of a page", () => {
  const rooms = ["inspector", "tiers/web"];
  const source = fileURLToPath(new URL("../../src/", import.meta.url));
  const references = [/(?:src|href)="(\/[^"]+\.(?:js|css))"/g, /from "(\.[^"]+\.js)"/g];

  it.each(rooms)("of %s are served with all that they load", async (room) => {
    const server = await created();
    await servePage(server.app, room);
    // the inspector draws this one
    server.app.get("/chart/style.css", async () => "");
    const { port } = await server.listen();
    const seen = new Set(["/"]);
    for (const path of seen) {
      const { status, body } = await ask(port, path);
      expect([path, status]).toEqual([path, 200]);
      for (const pattern of references)
        for (const [, target] of body.matchAll(pattern)) seen.add(new URL(target!, `http://page${path}`).pathname);
    }
    expect([...seen]).toEqual(expect.arrayContaining([`/${room}/page/app.js`, "/http/page/dom.js"]));
  });

  it("are the only files that are served", async () => {
    const server = await created();
    await servePage(server.app, "inspector");
    const { port } = await server.listen();
    for (const path of ["/inspector/server.ts", "/inspector/page/%2e%2e/server.ts", "/tiers/web/page/app.js", "/http/page/"])
      expect([path, (await ask(port, path)).status]).toEqual([path, 404]);
  });

  it.each([...rooms, "http"])("of %s are type-checked, every script", (room) => {
    const folder = join(source, room, "page");
    const scripts = readdirSync(folder).filter((name) => name.endsWith(".js"));
    expect(scripts.filter((name) => !readFileSync(join(folder, name), "utf8").startsWith("// @ts-check\n"))).toEqual([]);
  });

  it("may load and run nothing but themselves", () => {
    const policy = pageHeaders({ connect: ["ws://localhost:*"] })["content-security-policy"]!;
    expect(policy).toContain("default-src 'none'; connect-src 'self' ws://localhost:*; script-src 'self'; style-src 'self';");
    expect(policy).not.toContain("unsafe");
  });
});

describe("a duration on a page", () => {
  it.each([
    [-5, "0 ms"],
    [999, "999 ms"],
    [1500, "1.5 s"],
    [120_000, "2 min"],
    [123_000, "2 min 3 s"],
    [3_900_000, "1 h 5 min"],
  ])("%d ms is %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it.each([
    [-5, "0 s"],
    [1999, "1 s"],
    [61_000, "1 min 1 s"],
  ])("as an age, %d ms is %s", (ms, text) => {
    expect(age(ms)).toBe(text);
  });

  it.each([
    [9949, "9.9 s"],
    [48_300, "48 s"],
    [60_000, "60 s"],
    [89_000, "1 min 29 s"],
    [590_000, "9 min 50 s"],
    [600_000, "10 min"],
    [3_599_999, "59 min"],
    [4_980_000, "1 h 23 min"],
    [273_600_000, "3 d 4 h"],
  ])("beside other words and in a sentence, %d ms is %s", (ms, text) => {
    expect(briefly(ms)).toBe(text);
  });
});

describe("a page", () => {
  const source = fileURLToPath(new URL("../../src/", import.meta.url));
  const importsOf = (file: string): string[] =>
    [...readFileSync(join(source, file), "utf8").matchAll(/^(?:import|export)\s(?:[^;]*?from )?"(\.[^"]+)"/gm)].map(([, path]) =>
      join(file, "..", path!),
    );
  const reachedFrom = (file: string, seen = new Set<string>()): Set<string> => {
    for (const next of importsOf(file)) if (!seen.has(next)) reachedFrom(next, seen.add(next));
    return seen;
  };

  it.each(["tiers/web", "inspector"])("of %s names each module that it loads, so that none waits for another one", (room) => {
    const html = readFileSync(join(source, room, "page/index.html"), "utf8");
    const named = [...html.matchAll(/rel="modulepreload" href="\/([^"]+)"/g)].map(([, path]) => path!);
    expect(named).toEqual([...reachedFrom(`${room}/page/app.js`)].sort());
  });
});
