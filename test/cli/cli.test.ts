import { createServer } from "node:http";
import { hostname } from "node:os";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { stateNames } from "../../machines/index.ts";
import { openRegistryConnection } from "../../src/redis/connection.ts";
import { Registration } from "../../src/registry/registration.ts";
import { endCli, openShell } from "../kit/cli.ts";
import { deadlines } from "../kit/deadlines.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";
import { answerChat, lineOf } from "../kit/webchat.ts";

const shell = openShell();
const modules = "test/fixtures/modules";
/** nothing listens there: port 1 needs privileges and no service uses it */
const nowhere = "redis://user:s3cret@127.0.0.1:1";

afterEach(endCli);
afterAll(() => shell.remove());

describe("help", () => {
  it.each([["--help"], ["-h"], ["help"]])("%s lists the commands and exits 0", async (flag) => {
    const { code, out, err } = await shell.run([flag]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const command of ["up", "run", "fleet", "chat"]) expect(out).toMatch(new RegExp(`^  ${command} `, "m"));
  });

  it.each(["up", "run", "fleet", "chat", "inspect", "replay", "config", "manifests", "machines", "why"])(
    "%s --help has the meanings of its arguments below each other",
    async (command) => {
      const { out } = await shell.run([command, "--help"]);
      const starts = out.split("\n").flatMap((line) => /^ {2}(?=--)(.*?) {2,}/.exec(line)?.[0].length ?? []);
      expect(new Set(starts).size).toBe(1);
    },
  );

  it.each(["up", "run", "fleet", "chat"])("%s --help prints its options and touches nothing", async (command) => {
    const { code, out, err } = await shell.run([command, "--help"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(new RegExp(`^stargazer ${command} `));
  });

  it("--version prints that of the package", async () => {
    expect((await shell.run(["--version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

type Wrong = [args: string[], problem: RegExp, env?: Record<string, string>];

describe("wrong usage", () => {
  it.each<Wrong>([
    [[], /name a command: up, run, fleet, why, chat/],
    [["flee"], /unknown command "flee" \(did you mean fleet\?\)/],
    [["constructor"], /unknown command "constructor"/],
    [["fleet", "--jsn"], /unknown option --jsn \(did you mean --json\?\)/],
    [["fleet", "--json=yes"], /--json takes no value/],
    [["fleet", "--redis"], /--redis needs a value/],
    [["fleet", "--redis", "--json"], /--redis needs a value/],
    [["fleet", "now"], /unexpected argument "now"/],
    [["fleet", "--redis", "http://127.0.0.1"], /--redis must begin with redis:\/\//],
    [["fleet"], /SG_ERR_CONFIG_INVALID REDIS_URL is not a URL/, { REDIS_URL: "here" }],
    [["chat", "hello", "--once", "there"], /the message is given twice: as --once and without it/],
    [["chat", "--once"], /--once needs a value/],
    [["run"], /name one tier or one module/],
    [["run", "web", "agents"], /name one tier or one module/],
    [["run", "infrence"], /unknown tier "infrence" \(did you mean inference\?\)/],
    [["run", "./no-such.js"], /there is no module \.\/no-such\.js/],
    [["run", `${modules}/none.mjs`], /exports no service: export a class that extends StargazerService/],
    [["run", `${modules}/broken.mjs`], /SG_ERR_CONFIG_INVALID the module .* cannot be loaded: this module is broken/],
    [["up", "--tier", "gatway=1"], /unknown tier "gatway" \(did you mean gateway\?\)/],
    [["up", "--tier", "web=many"], /write web=COUNT with a whole number from 0 to 64/],
    [["up", "--tier", "web"], /write web=COUNT/],
    [["up"], /CONFIG_INVALID SG_GATEWAY_PORT must be a whole number from 0 to 65535, not "99999"/, { SG_GATEWAY_PORT: "99999" }],
    [["up"], /SG_WEB_PORT must be a whole number from 0 to 65535, not "0x50"/, { SG_WEB_PORT: "0x50" }],
    [["up"], /SG_HEALTH_PORT .*must be a whole number from 0 to 65535, not " "/, { SG_HEALTH_PORT: " " }],
    [
      ["up"],
      /SG_HTTP_HOST is "no-such-host.invalid", which cannot be listened on: /,
      { SG_HTTP_HOST: "no-such-host.invalid", SG_CHAT_PUBLIC: "1" },
    ],
    [
      ["up"],
      /SG_HTTP_HOST is "0.0.0.0", where other machines reach this tier: set SG_ALLOWED_HOSTS to /,
      { SG_HTTP_HOST: "0.0.0.0" },
    ],
    ...(["gateway", "web"] as const).map(
      (tier): Wrong => [
        ["run", tier],
        /SG_HTTP_HOST is "0.0.0.0", .*: set SG_TOKEN to .*, and SG_ALLOWED_HOSTS to .*; or SG_CHAT_PUBLIC=1/,
        { SG_HTTP_HOST: "0.0.0.0" },
      ],
    ),
    [["run", "web"], /SG_TOKEN must have 32 to 256 characters of A-Z, a-z, 0-9, - and _\.$/m, { SG_TOKEN: "hunter2" }],
    [["up"], /SG_HEALTH_HOST is "192.0.2.1", which cannot be listened on: it is no address/, { SG_HEALTH_HOST: "192.0.2.1" }],
    [
      ["up"],
      /SG_ERR_CONFIG_INVALID the folder for temporary files cannot be used: .*set TMPDIR/,
      { TMPDIR: `${modules}/none.mjs` },
    ],
    [["run", "web"], /SG_ERR_CONFIG_INVALID/, { SG_HEALTH_PORT: "-1" }],
    [["run", `${modules}/class.mjs`], /SG_ERR_CONFIG_INVALID/, { SAMPLE_NAME: "a:b" }],
  ])("%j exits 2 with one line on standard error", async (args, problem, env = {}) => {
    const { code, out, err } = await shell.run(args, { env });
    expect(err).toMatch(problem);
    expect(err.trim().split("\n")).toHaveLength(1);
    expect({ code, out }).toEqual({ code: 2, out: "" });
  });

  it("with several problems names all at once", async () => {
    const { code, err } = await shell.run(["up", "--teir", "x", "--tier", "web=-1", "--tier", "wep=1", "--redis", "here"]);
    expect(code).toBe(2);
    for (const problem of ["--teir", "web=COUNT", '"wep" (did you mean web?)', "--redis is not a URL"])
      expect(err).toContain(problem);
  });
});

it("up names every problem of its services at once, and touches nothing", async () => {
  const wrong = {
    SG_BOOT_JITTER_MS: "1e99",
    SG_AGENTS_INTERVAL_MS: "x",
    OPENAI_BASE_URL: "bad",
    SG_WEB_PORT: "-1",
    REDIS_URL: "here",
  };
  const { code, out, err } = await shell.run(["up"], { env: wrong });
  for (const name of Object.keys(wrong)) expect(err).toContain(name);
  expect(err.trim().split("\n")).toHaveLength(1);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  const unused = ["web", "agents", "inference"].flatMap((tier) => ["--tier", `${tier}=0`]);
  const { err: rest } = await shell.run(["up", ...unused], { env: wrong });
  for (const name of ["SG_AGENTS_INTERVAL_MS", "OPENAI_BASE_URL", "SG_WEB_PORT"]) expect(rest).not.toContain(name);
});

describe("run", () => {
  it.each(["class", "instance"])("runs a module whose default export is a %s, and ends when it ends", async (kind) => {
    const { code, out } = await shell.run(["run", `${modules}/${kind}.mjs`], { env: { SAMPLE_ENDS: "1" } });
    expect(out).toContain("sample runs");
    expect(code).toBe(0);
  });

  it("refuses a module whose top level never ends", async () => {
    const { code, err } = await shell.run(["run", `${modules}/stuck.mjs`]);
    expect(err).toMatch(
      /^stargazer: SG_ERR_CONFIG_INVALID the module .*stuck\.mjs cannot be loaded: its top level awaits a promise that nothing can settle/,
    );
    expect(err.trim().split("\n")).toHaveLength(1);
    expect(code).toBe(2);
  });

  it.each(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2", "SIGPWR"] as const)(
    "ends at %s with 0 while its module is still being loaded",
    async (signal) => {
      const sample = shell.start(["run", `${modules}/stuck.mjs`], { SAMPLE_STAYS: "1" });
      await sample.line("that it loads", (line) => line === "sample loads");
      sample.child.kill(signal);
      expect(await sample.ended).toMatchObject({ code: 0, signal: null, err: "" });
    },
  );

  it("goes on when its standard output is closed, and stops at SIGTERM with 0", async () => {
    const sample = shell.start(["run", `./${modules}/class.mjs`], { SAMPLE_WRITES: "1" });
    await sample.line("that it runs", (line) => line === "sample runs");
    sample.child.stdout!.destroy();
    await eventually("it goes on to write", () => sample.err().split("write failed").length > 3);
    sample.child.kill("SIGTERM");
    expect(await sample.ended).toMatchObject({ code: 0, signal: null });
  });

  it("stops at SIGTERM with 0", async () => {
    const sample = shell.start(["run", `./${modules}/class.mjs`]);
    await sample.line("that it runs", (line) => line === "sample runs");
    sample.child.kill("SIGTERM");
    expect(await sample.ended).toMatchObject({ code: 0, signal: null });
  });

  it.each([
    ["waits for its end", { SAMPLE_AWAITS: "1" }],
    ["goes on", {}],
  ])("a module that launches its service itself and %s is run as under node: signals stop it, once", async (_what, env) => {
    const sample = shell.start(["run", `./${modules}/launched.mjs`, "--inspect"], env);
    await sample.line("that it runs", (line) => line === "sample runs");
    sample.child.kill("SIGTERM");
    const { code, out, err } = await sample.ended;
    expect(code).toBe(0);
    expect(err).toMatch(/inspector at http:/);
    const states = out.split("\n").flatMap((line) => (line.includes('"state.entered"') ? [JSON.parse(line).state] : []));
    expect(states).toEqual([...stateNames]);
  });

  it("an error that such a module throws once its service runs is uncaught, as under node", async () => {
    const { code, out } = await shell.run(["run", `./${modules}/launched.mjs`], { env: { SAMPLE_THROWS: "1" } });
    expect(code).toBe(1);
    expect(out).toContain("uncaught: too late for the loading");
    expect(out).toContain('"state":"stopped"');
  });
});

describe("without a Redis", () => {
  it.each([[["fleet"]], [["fleet", "--json"]], [["fleet", "--watch"]], [["chat", "--once", "hello"]], [["up"]]])(
    "%j exits 1 with one clear line and no password",
    async (args) => {
      const { code, out, err } = await shell.run([...args, "--redis", nowhere]);
      expect(err).toMatch(/^stargazer: SG_ERR_REDIS_UNREACHABLE Redis at redis:\/\/user:\*\*\*@127\.0\.0\.1:1 cannot be used: /);
      expect(`${out}${err}`).not.toContain("s3cret");
      expect({ code, out }).toEqual({ code: 1, out: "" });
    },
  );
});

describe("with a Redis", () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startTestRedis();
  });
  afterAll(() => redis.stop());
  afterEach(() => redis.witness.flushall());

  const signal = () => AbortSignal.timeout(deadlines.fact);
  const register = async (service: string, metadata: Record<string, unknown> = {}) => {
    const connection = openRegistryConnection(redis.witness);
    const details = {
      host: hostname(),
      pid: 1,
      version: "1.0.0",
      uptimeMs: 1,
      health: { host: "127.0.0.1", port: 9090 },
      metadata,
    };
    const own = new Registration({ redis: connection, service, instance: "one", leaseTtlMs: 60_000, describe: () => details });
    await own.register({ status: "running", changed: true }, { signal: signal() });
    const leave = async () => {
      await own.deregister({ signal: signal() });
      connection.disconnect();
    };
    return { leave, drop: () => connection.disconnect() };
  };

  it("fleet prints an empty array for an empty registry, or a line that no service is registered", async () => {
    expect(JSON.parse((await shell.run(["fleet", "--json", "--redis", redis.url])).out)).toEqual([]);
    const { out, code } = await shell.run(["fleet"], { env: { REDIS_URL: redis.url } });
    expect(out).toMatch(/^no service is registered in redis:\/\/tiers:\*\*\*@127/);
    expect(code).toBe(0);
  });

  it("fleet lists the registry's entries: as JSON whole, as a table without control characters", async () => {
    const { drop } = await register("sample", { note: "\u001b[31mred" });
    const json = await shell.run(["fleet", "--json", "--redis", redis.url]);
    expect(JSON.parse(json.out)).toMatchObject([
      { service: "sample", instance: "one", status: "running", incarnation: expect.any(Number), health: { port: 9090 } },
    ]);
    const { out } = await shell.run(["fleet", "--redis", redis.url]);
    expect(out).toMatch(/^SERVICE +STATE/);
    expect(out).toMatch(/^sample +running .*127\.0\.0\.1:9090/m);
    expect(out).not.toContain("\u001b");
    drop();
  });

  it("fleet lists the entries beside an index of another type, and names the key that it skipped", async () => {
    const { drop } = await register("sample");
    await redis.witness.sadd("sg:registry:services", "bad");
    await redis.witness.set("sg:registry:idx:bad", "not an index");
    const { out, err, code } = await shell.run(["fleet", "--redis", redis.url]);
    expect([out, err, code]).toEqual([
      expect.stringMatching(/^sample +running/m),
      "skipped sg:registry:idx:bad: its value is not a registry entry\n",
      0,
    ]);
    drop();
  });

  it("fleet --watch prints each registration and deregistration, and ends with 0 at SIGINT", async () => {
    const watching = shell.start(["fleet", "--watch", "--json", "--redis", redis.url]);
    await watching.line("that it is in step", (line) => line.includes('"synced"'));
    const { leave } = await register("sample");
    const registered = await watching.line("its registration", (line) => line.includes('"registered"'));
    expect(JSON.parse(registered)).toMatchObject({ type: "registered", entry: { service: "sample", instance: "one" } });
    await leave();
    await watching.line("its deregistration", (line) => line.includes('"deregistered"'));
    watching.child.kill("SIGINT");
    expect(await watching.ended).toMatchObject({ code: 0, err: "" });
  });

  it("chat without a gateway names what to do", async () => {
    const { code, err } = await shell.run(["chat", "--once", "hello", "--redis", redis.url]);
    expect(err).toMatch(/SG_ERR_FAILED no gateway is registered in .*stargazer up/);
    expect(code).toBe(1);
  });

  it("chat with a fleet that runs without a gateway names its services, and what to start", async () => {
    const { leave } = await register("orders");
    const { code, err } = await shell.run(["chat", "--once", "hello", "--redis", redis.url]);
    expect(err).toMatch(/runs without a gateway: it has .*orders.* up --tier gateway=1 --tier inference=1/);
    expect(code).toBe(1);
    await leave();
  });

  it("chat with a gateway that is gone exits 1 with its address", async () => {
    const { drop } = await register("gateway", { http: { host: "127.0.0.1", port: 1 } });
    const { code, err } = await shell.run(["chat", "--once", "hello", "--redis", redis.url]);
    expect(err).toMatch(/SG_ERR_FAILED the gateway at http:\/\/127\.0\.0\.1:1 cannot be reached/);
    expect(code).toBe(1);
    drop();
  });

  it("chat prints replies without control characters, one for each line of a pipe", async () => {
    const http = createServer().listen(0, "127.0.0.1");
    const gateway = new WebSocketServer({ server: http, path: "/webchat" });
    gateway.on("connection", (socket) => {
      answerChat(socket, ({ page, n, text }) => [
        { type: "accepted", page, n, id: `c.${page}.${n}` },
        lineOf(n, `c.${page}.${n}`, `\u001b[2Jyou wrote ${text}`),
      ]);
    });
    await new Promise((resolve) => http.once("listening", resolve));
    const { port } = http.address() as { port: number };
    const { drop } = await register("gateway", { http: { host: "127.0.0.1", port } });
    const once = await shell.run(["chat", "--once", "hello", "--redis", redis.url]);
    expect(once).toMatchObject({ code: 0, out: "[2Jyou wrote hello\n" });
    const piped = await shell.run(["chat", "--redis", redis.url], { input: "one\n\ntwo\n" });
    expect(piped).toMatchObject({ code: 0, out: "[2Jyou wrote one\n[2Jyou wrote two\n" });
    drop();
    gateway.close();
    http.close();
  });
});
