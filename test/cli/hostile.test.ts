/** `chat`, `inspect` and `replay` with what a hostile or broken other side gives them: one clear line, and no stack. */
import { writeFileSync } from "node:fs";
import type { RequestListener, Server } from "node:http";
import { createServer } from "node:http";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { openRegistryConnection } from "../../src/redis/connection.ts";
import { Registration } from "../../src/registry/registration.ts";
import { endCli, openShell } from "../kit/cli.ts";
import { deadlines } from "../kit/deadlines.ts";
import { lived } from "../kit/lived.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { answerChat, lineOf } from "../kit/webchat.ts";

const shell = openShell();
let redis: TestRedis;
let closing: (() => unknown)[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  await endCli();
  for (const close of closing) await close();
  closing = [];
  await redis.witness.flushall();
});
afterAll(async () => {
  shell.remove();
  await redis.stop();
});

interface Told {
  readonly service?: string;
  readonly host?: string;
  readonly health?: { readonly host: string; readonly port: number } | null;
  readonly metadata?: Record<string, unknown>;
}
const register = async ({ service = "sample", host = hostname(), health = null, metadata = {} }: Told): Promise<void> => {
  const connection = openRegistryConnection(redis.witness);
  closing.push(() => connection.disconnect());
  const details = { host, pid: 1, version: "1.0.0", uptimeMs: 1, health, metadata };
  const own = new Registration({ redis: connection, service, instance: "one", leaseTtlMs: 60_000, describe: () => details });
  await own.register({ status: "running", changed: true }, { signal: AbortSignal.timeout(deadlines.fact) });
};
const serve = async (listener?: RequestListener): Promise<{ server: Server; port: number }> => {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  closing.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  return { server, port: (server.address() as { port: number }).port };
};
const named = (...args: string[]) => shell.run([...args, "--redis", redis.url]);
/** One line on standard error, no stack, nothing on standard output. */
const isOneLine = ({ code, out, err }: { code: number | null; out: string; err: string }, says: string | RegExp) => {
  expect(err).toMatch(says);
  expect(err).toMatch(/^stargazer: SG_ERR_(?!INTERNAL)[A-Z_]+ [^\n]+\n$/);
  expect({ code: code === 0, out }).toEqual({ code: false, out: "" });
};

describe("F54: chat with a gateway", () => {
  const gateway = async (answers: readonly string[]): Promise<void> => {
    const { server, port } = await serve();
    const sockets = new WebSocketServer({ server, path: "/webchat" });
    closing.push(() => sockets.close());
    sockets.on("connection", (socket) => {
      answerChat(socket, () => answers);
    });
    await register({ service: "gateway", metadata: { http: { host: "127.0.0.1", port } } });
  };

  it.each([
    ['{"type":"line","id":5}', "id must be a text"],
    ['{"type":"line"}', "id must be a text"],
    ['{"type":"error","message":{}}', "message must be a text"],
    ['{"type":"busy","seconds":1,"reason":"x","page":"p","n":1}', "reason must be one of"],
    ['{"type":5}', "type must be a text"],
    ["null", "it must be an object"],
    ["[]", "it must be an object"],
    ["no JSON", "it is not JSON"],
    [`{"type":"line","text":"${"x".repeat(1_100_000)}"}`, "Max payload size exceeded"],
  ])("that answers %s fails with one line, once and line by line", async (answer, says) => {
    await gateway([answer]);
    isOneLine(await named("chat", "--once", "hello"), says);
    isOneLine(await shell.run(["chat", "--redis", redis.url], { input: "hello\n" }), says);
  });

  it("that answers in a type of a later version goes on", async () => {
    await gateway(['{"type":"constructor"}', '{"type":"later","text":5}', JSON.stringify(lineOf(1, "x", "hello"))]);
    expect(await named("chat", "--once", "hello")).toMatchObject({ code: 0, out: "hello\n" });
  });

  it.each([
    { host: "127.0.0.1/x?", port: 80 },
    { host: "user@127.0.0.1", port: 80 },
    { host: "0x7f.1", port: 80 },
    { host: {}, port: 80 },
    { host: "127.0.0.1", port: 1e9 },
  ])("whose entry has %j as its address is not asked", async (http) => {
    await register({ service: "gateway", metadata: { http } });
    isOneLine(await named("chat", "--once", "hello"), /no gateway in .* has an address that can be reached from here/);
  });
});

describe("F54: inspect of an instance", () => {
  const phases = [
    { phase: "init", startedAt: 1, offsetMs: 0, durationMs: 1, outcome: "done" },
    { phase: "running", startedAt: 2, offsetMs: 1 },
  ];
  const times = { since: 1, startedAt: 1, uptimeMs: 5 };
  const status = {
    service: "sample",
    instance: "one",
    state: "running",
    path: "running",
    ...times,
    degraded: false,
    lease: null,
  };
  const fits = { ...status, leaderships: [], failures: [], phases };
  const answering = async (body: string | Buffer, code = 200): Promise<void> => {
    const { port } = await serve((_request, response) => response.writeHead(code).end(body));
    await register({ health: { host: "127.0.0.1", port } });
  };

  it("that answers as it should is shown", async () => {
    await answering(JSON.stringify(fits));
    expect(await named("inspect", "sample")).toMatchObject({ code: 0, err: "", out: expect.stringContaining("● running") });
  });

  it("shows no control character of a phase, a path or a failure, and --json has them escaped", async () => {
    const attack = "\u001b[2J\u009b2J\u202e\nx";
    const own = [{ phase: `running.${attack}`, startedAt: 3, offsetMs: 2 }];
    const failures = [{ phase: attack, code: attack, message: attack }];
    await answering(JSON.stringify({ ...fits, path: attack, failures, phases: [...phases, ...own] }));
    const { code, out } = await named("inspect", "sample");
    expect([code, /[\p{Cc}\p{Cf}]/u.test(out.replaceAll("\n", ""))]).toEqual([0, false]);
    expect(JSON.parse((await named("inspect", "sample", "--json")).out).path).toBe(attack);
  });

  it.each<[string, unknown, string]>([
    ["null", null, "it must be an object"],
    ["a list of nothing", { ...fits, phases: [null] }, "phases\\[0\\] must be an object"],
    ["a time that no date can hold", { ...fits, phases: [{ phase: "init", startedAt: 1e300 }] }, "startedAt must be a time"],
    ["a state that does not exist", { ...fits, state: "happy" }, "state must be one of init"],
    ["a lease that is none", { ...fits, lease: 5 }, "lease must be an object"],
    ["a failure that is none", { ...fits, failures: [5] }, "failures\\[0\\] must be an object"],
    ["too many phases", { ...fits, phases: Array(5000).fill(phases[0]) }, "phases must be a list of at most 4096"],
    ["a name that is too long", { ...fits, path: "x".repeat(2000) }, "path must be a text of at most 1000"],
    ["another instance", { ...fits, instance: "two" }, "another instance answers, sample/two"],
  ])("that answers with %s fails with one line", async (_, body, says) => {
    await answering(JSON.stringify(body));
    isOneLine(await named("inspect", "sample"), new RegExp(says));
  });

  it("that answers with no JSON, with too much or 100,000 levels deep fails with one line", async () => {
    await answering("<html>");
    isOneLine(await named("inspect", "sample"), "it is not JSON");
    await answering(`{"path":"${"x".repeat(1_100_000)}"}`);
    isOneLine(await named("inspect", "sample"), "its answer has more than 1048576 bytes");
    await answering(JSON.stringify(fits).replace(/\}$/, `,"pressure":${"[".repeat(1e5)}${"]".repeat(1e5)}}`));
    isOneLine(await named("inspect", "sample"), "pressure must be of at most 4 levels");
  });

  it("that redirects is not followed", async () => {
    const asked: (string | undefined)[] = [];
    const { port: elsewhere } = await serve((request, response) => {
      asked.push(request.url);
      response.end("{}");
    });
    const { port } = await serve((_request, response) =>
      response.writeHead(302, { location: `http://127.0.0.1:${elsewhere}/secret` }).end(),
    );
    await register({ health: { host: "127.0.0.1", port } });
    isOneLine(await named("inspect", "sample"), "did not answer at");
    expect(asked).toEqual([]);
  });

  it("F65: is asked itself where the environment names a proxy", async () => {
    const asked: (string | undefined)[] = [];
    const { port } = await serve((request, response) => {
      asked.push(request.url);
      response.writeHead(502).end();
    });
    await answering(JSON.stringify(fits));
    const proxy = `http://127.0.0.1:${port}`;
    const env = { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: proxy, http_proxy: proxy, NO_PROXY: "", no_proxy: "" };
    const ending = await shell.run(["inspect", "sample", "--redis", redis.url], { env });
    expect(ending).toMatchObject({ code: 0, err: "", out: expect.stringContaining("● running") });
    expect(asked).toEqual([]);
  });

  it.each<[string, Told]>([
    ["names a path in place of a host", { health: { host: "127.0.0.1:1/x?", port: 80 } }],
    ["names a user in place of a host", { health: { host: "a@127.0.0.1", port: 80 } }],
    ["names an address in another form", { health: { host: "2130706433", port: 80 } }],
    ["listens on all addresses of a host that is none", { host: "evil/x?", health: { host: "0.0.0.0", port: 80 } }],
    ["has a port that is none", { health: { host: "127.0.0.1", port: 70_000 } }],
    ["listens on the loopback of another machine", { host: "elsewhere", health: { host: "127.0.0.1", port: 80 } }],
  ])("is not asked where its entry %s", async (_, told) => {
    await register(told);
    isOneLine(await named("inspect", "sample"), /the health server of sample\/one cannot be asked: it/);
  });
});

describe("F54: replay of a file", () => {
  const refused = (name: string, text: string, says: RegExp) => {
    const path = join(shell.folder, name);
    writeFileSync(path, text);
    return shell.run(["replay", path]).then((ending) => isOneLine(ending, says));
  };

  it("that is too large, too deep or too long is refused with one line", async () => {
    const flight = JSON.parse(JSON.stringify(await lived({ run: () => {} })));
    const deep = JSON.parse(`${"[".repeat(20)}${"]".repeat(20)}`);
    const step = { kind: "step", at: 1, offsetMs: 0, path: "x", event: { type: "boot", deep } };
    await refused(
      "deep.json",
      JSON.stringify({ ...flight, entries: [step] }),
      /entries\[0\]\.event must be of at most 16 levels/,
    );
    const many = Array(5000).fill({ kind: "fact", at: 1, offsetMs: 0, fact: { type: "x" } });
    await refused("many.json", JSON.stringify({ ...flight, entries: many }), /entries must be a list of at most 4096/);
    await refused("large.json", " ".repeat(16 * 1024 * 1024 + 1), /a recording has at most 16777216 bytes/);
  });

  it("that has no end is refused with one line", async () => {
    isOneLine(await shell.run(["replay", "/dev/zero"]), "a recording has at most 16777216 bytes");
  });

  it("whose events have other types than they should is shown", async () => {
    const flight = JSON.parse(JSON.stringify(await lived({ run: () => {} })));
    const events = ["boot", "shutdown", "xstate.stop", "xstate.error.actor.runTier", "lease.held", "__proto__"];
    const values = [null, 5, "x", [], {}, { message: {}, code: [], name: 5 }];
    const entries = events.flatMap((type) =>
      values.flatMap((odd) => {
        const event = { type, error: odd, reason: odd, phase: odd, companion: odd, output: odd, blockedMs: odd, name: odd };
        return [
          { kind: "step", at: 1, offsetMs: 0, path: "running", event },
          { kind: "fact", at: 1, offsetMs: 0, fact: event },
        ];
      }),
    );
    const path = join(shell.folder, "odd.json");
    writeFileSync(path, JSON.stringify({ ...flight, entries }));
    for (const more of [[], ["--json"], ["--test", "node"]])
      expect(await shell.run(["replay", path, ...more])).toMatchObject({ code: 0, err: "" });
  });

  it("whose failure has a cause that is no JSON was written without the cause", async () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    const flight = await lived({ run: () => Promise.reject(Object.assign(new Error("as planned"), cycle)) });
    expect(JSON.parse(JSON.stringify(flight)).end.failures[0]).toMatchObject({ code: "SG_ERR_RUN_FAILED" });
    expect(Object.keys(flight.end!.failures[0]!).sort()).toEqual(["code", "message", "phase"]);
  });
});
