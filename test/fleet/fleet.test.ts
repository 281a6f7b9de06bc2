/** The whole fleet as real processes, under `up`. */
import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { closeRedis, openRedis } from "../../src/redis/connection.ts";
import type { RegistryEntry } from "../../src/registry/registry.ts";
import { Registry } from "../../src/registry/registry.ts";
import { isAlive } from "../kit/alive.ts";
import { launchBrowser, openPage } from "../kit/browser.ts";
import type { CliProcess, Shell } from "../kit/cli.ts";
import { endCli, openShell } from "../kit/cli.ts";
import { deadlines } from "../kit/deadlines.ts";
import { reservePort } from "../kit/port-reservation.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

type Fact = Record<string, unknown> & { type: string };
interface View {
  readonly name: string;
  readonly state: string;
  readonly pid: number;
  readonly restarts: number;
  readonly healthPort?: number;
  readonly port?: number;
}

const names = ["agents", "consolidation", "gateway", "inference", "web"];
/** away from the usual ports, so that a fleet on this machine is not in the way */
const ports = { SG_GATEWAY_PORT: "18080", SG_WEB_PORT: "18090" };
/** leaves the gateway and one worker */
const small = ["--json", "--tier", "web=0", "--tier", "agents=0", "--tier", "consolidation=0"];

const factsOf = (up: CliProcess): Fact[] =>
  up
    .out()
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Fact);
const fact = async (up: CliProcess, what: string, fits: (fact: Fact) => boolean): Promise<Fact> =>
  (await eventually(`${what} in ${up.out()} ${up.err()}`, () => factsOf(up).find(fits), {
    timeoutMs: deadlines.test,
  })) as Fact;
const ready = (up: CliProcess) => fact(up, "ready", ({ type }) => type === "fleet.ready");
/** the newest view of each service */
const viewsOf = (up: CliProcess): Map<string, View> => {
  const starting = factsOf(up).find(({ type }) => type === "fleet.starting") as unknown as { services: View[] };
  const changes = factsOf(up).filter(({ type }) => type === "service.changed") as unknown as { service: View }[];
  return new Map([...starting.services, ...changes.map(({ service }) => service)].map((view) => [view.name, view]));
};
const pidOf = (up: CliProcess, name: string): number => viewsOf(up).get(name)!.pid;
const gone = (pid: number) => eventually(`pid ${pid} is gone`, () => !isAlive(pid));
const isBack = (up: CliProcess, name: string, pid: number) =>
  eventually(`${name} is back`, () => {
    const view = viewsOf(up).get(name)!;
    return view.state === "running" && view.pid !== pid;
  });
const squat = async (port: number) => {
  const squatter = createServer().listen(port, "127.0.0.1");
  await once(squatter, "listening");
  return squatter;
};
const end = async (fleet: CliProcess) => {
  fleet.child.kill("SIGINT");
  expect(await fleet.ended).toMatchObject({ code: 0, err: "" });
};

const browser = await launchBrowser("the page of a fleet by its printed link");
afterAll(() => browser?.close());

describe("a fleet on this machine", () => {
  let shell: Shell;
  beforeEach(() => {
    shell = openShell();
  });
  afterEach(async () => {
    await endCli();
    shell.remove();
  });
  const up = (args: readonly string[] = [], env: Record<string, string> = {}) =>
    shell.start(["up", ...args], { ...ports, ...env });
  const left = () => readdirSync(shell.folder).filter((name) => name.startsWith("stargazer-redis-"));
  const runs = () => join(shell.folder, `stargazer-${process.getuid!()}`);
  const runOf = (fleet: CliProcess) => join(runs(), readdirSync(runs()).find((name) => name.startsWith(`${fleet.child.pid}-`))!);
  const noteOf = (fleet: CliProcess) =>
    JSON.parse(readFileSync(join(runOf(fleet), "fleet.json"), "utf8")) as { redisUrl: string; gateway?: string };
  const logsOf = (fleet: CliProcess) =>
    readdirSync(runOf(fleet))
      .filter((name) => name.endsWith(".log"))
      .map((name) => readFileSync(join(runOf(fleet), name), "utf8"));

  it("boots, is found by other shells, answers, and unwinds at Ctrl-C with nothing left", async () => {
    const fleet = up();
    await fleet.line("the page", (line) => /^page {2}http:\/\/127\.0\.0\.1:\d+\/#[\w-]{43}$/.test(line));
    await fleet.line("the chat", (line) => /^chat {2}npx stargazer chat .*\/webchat\)$/.test(line));
    await fleet.line("the ready line", (line) => /^ready in [\d.]+ m?s/.test(line));

    const listed = await shell.run(["fleet", "--json"]);
    const entries = JSON.parse(listed.out) as RegistryEntry[];
    expect(entries.map(({ service }) => service)).toEqual(names);
    for (const entry of entries) {
      expect(entry).toMatchObject({ status: "running", instance: entry.service, health: { port: expect.any(Number) } });
    }

    const chat = await shell.run(["chat", "--once", "hello"]);
    expect(chat).toMatchObject({ code: 0, err: "" });
    expect(chat.out).toContain("hello");

    fleet.child.kill("SIGINT");
    const { code, out } = await fleet.ended;
    expect(code).toBe(0);
    for (const name of names) expect(out).toMatch(new RegExp(`^${name} +shutdown +SIGTERM +0 +\\d+ ms$`, "m"));
    expect(out).not.toMatch(/redis:\/\/:[0-9a-f]{8}/);
    for (const { pid } of entries) await gone(pid);
    expect(left()).toEqual([]);
    expect((await shell.run(["fleet"])).err).toContain("Redis at redis://127.0.0.1:6379");
  });

  it("has one token: in the printed link, the private note and the environment, and nowhere else", async () => {
    const fleet = up(["--json", "--tier", "agents=0", "--tier", "consolidation=0"]);
    const { web, gateway } = (await ready(fleet)) as Fact & { web: string; gateway: string };
    const token = new URL(web).hash.slice(1);
    expect(token).toMatch(/^[\w-]{43}$/);
    const statusOf = async (path: string, headers: Record<string, string> = {}) =>
      (await fetch(new URL(path, web), { headers })).status;
    expect([await statusOf("/api/fleet"), await statusOf("/api/fleet", { authorization: `Bearer ${token}` })]).toEqual([
      401, 200,
    ]);
    expect((await fetch(new URL("/webchat", gateway))).status).toBe(401);
    expect(noteOf(fleet)).toMatchObject({ token, web });
    expect(statSync(join(runOf(fleet), "fleet.json")).mode & 0o777).toBe(0o600);
    const entries = (await shell.run(["fleet", "--json"])).out;
    const pids = ["web", "gateway", "inference"].map((name) => pidOf(fleet, name));
    const commands = pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8"));
    for (const shown of [entries, ...commands, ...logsOf(fleet)]) {
      expect(shown).not.toBe("");
      expect(shown).not.toContain(token);
    }

    if (browser !== undefined) {
      const { page, troubles } = await openPage(browser);
      await page.goto(web);
      await page.waitForSelector("#text:enabled");
      await page.fill("#text", "hello");
      await page.press("#text", "Enter");
      await page.waitForSelector("li.theirs");
      expect([page.url(), troubles]).toEqual([new URL("/", web).href, []]);
      await page.context().close();
    }
    await end(fleet);
  });

  it("steps over ports that are taken, and names them", async () => {
    const { port, release } = await reservePort();
    const squatter = await squat(port);
    const fleet = up([...small, "--tier", "inference=2"], { SG_GATEWAY_PORT: String(port) });
    const taken = await fact(fleet, "the port", ({ type }) => type === "port.taken");
    expect(taken).toMatchObject({ whose: "gateway" });
    expect((taken.taken as number[])[0]).toBe(port);
    expect(await ready(fleet)).toMatchObject({ gateway: `http://127.0.0.1:${taken.port}` });
    expect([...viewsOf(fleet).keys()]).toEqual(["gateway", "inference-1", "inference-2"]);
    await end(fleet);
    squatter.close();
    release();
  });

  it.each(["1", "0"])("begins its health ports at SG_HEALTH_PORT, with SG_PROBE_THREAD=%s", async (thread) => {
    const { port: first, release } = await reservePort();
    const squatter = await squat(first);
    const fleet = up(small, { SG_HEALTH_PORT: String(first), SG_PROBE_THREAD: thread });
    await ready(fleet);
    const taken = factsOf(fleet).find(({ whose }) => whose === "gateway health") as unknown as { taken: number[]; port: number };
    expect(taken.taken[0]).toBe(first);
    const views = [...viewsOf(fleet).values()].map(({ healthPort }) => healthPort!);
    expect(views[0]).toBe(taken.port);
    expect(new Set(views).size).toBe(2);
    for (const port of views) {
      expect(port).toBeGreaterThan(first);
      await eventually("ready", async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200);
    }
    await end(fleet);
    squatter.close();
    release();
  });

  it("restarts a killed service, which replaces its entry in the registry and never stands beside it", async () => {
    const fleet = up(["--json", "--tier", "web=0", "--tier", "inference=2"]);
    await ready(fleet);
    const redis = openRedis(noteOf(fleet).redisUrl);
    const registry = new Registry(redis);
    const [before] = await registry
      .list("inference")
      .then((entries) => entries.filter(({ instance }) => instance === "inference-2"));
    const seen: RegistryEntry[][] = [];
    const watch = shell.start(["fleet", "--watch"]);
    await watch.line("the list", (line) => line.includes("in the registry"));
    const pid = pidOf(fleet, "inference-2");
    process.kill(pid, "SIGKILL");
    const after = await eventually("the new boot's entry", async () => {
      seen.push((await registry.list("inference")).filter(({ instance }) => instance.startsWith("inference-2")));
      return seen.at(-1)!.find((entry) => entry.pid !== pid);
    });
    expect(Math.max(...seen.map((entries) => entries.length))).toBe(1);
    expect(after.incarnation).toBeGreaterThan(before!.incarnation);
    await isBack(fleet, "inference-2", pid);
    await watch.line("the replacement", (line) => / replaced {2,}inference\/inference-2 /.test(line));
    watch.child.kill("SIGINT");
    expect(watch.out()).not.toMatch(/replaced {2,}gateway/);
    expect(viewsOf(fleet).get("inference-2")).toMatchObject({ restarts: 1, pid: after.pid });
    expect(await registry.list("inference")).toHaveLength(2);
    expect(await shell.run(["chat", "--once", "again"])).toMatchObject({ code: 0 });
    await closeRedis(redis, { signal: AbortSignal.timeout(5000) });
    await end(fleet);
  });

  it("shares a Redis that was named with another fleet: each has instance ids of its own, the same on its board", async () => {
    const redis = await startTestRedis();
    const both = [up([...small, "--redis", redis.url]), up(small, { REDIS_URL: redis.url })];
    await Promise.all(both.map(ready));
    const onBoards = both.flatMap((fleet) => [...viewsOf(fleet).keys()]);
    for (const name of onBoards) expect(name).toMatch(/^(gateway|inference)-[0-9a-f]{6}$/);
    expect(new Set(onBoards).size).toBe(4);
    const registered = (await new Registry(redis.witness).list()).map(({ instance }) => instance);
    expect(registered.sort()).toEqual(onBoards.sort());
    for (const fleet of both) await end(fleet);
    await redis.stop();
  });

  const report = '{type:"report",outcome:"failed",reason:"r",exitCode:2,error:"the cause"}';
  const refuse = `if(process.argv.includes("inference"))process.send(${report},()=>{console.log("more");process.exit(2)}),await new Promise(()=>{})`;
  /** an environment in which each inference worker is wrongly configured */
  const refusal = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(refuse)}` };

  it("F57: ends with 1 where the last of its services was given up, without a wait for a retry", async () => {
    const fleet = up(
      ["--json", ...["gateway", "agents", "consolidation", "web"].flatMap((tier) => ["--tier", `${tier}=0`])],
      refusal,
    );
    expect(await fleet.ended).toMatchObject({ code: 1 });
    const facts = factsOf(fleet);
    expect(facts.filter(({ type }) => type === "service.lost").map(({ retryMs }) => retryMs)).toEqual([undefined]);
    expect(facts.at(-1)).toMatchObject({ type: "fleet.stopped", services: [{ name: "inference", outcome: "given up" }] });
  });

  it("F57: a process that is gone has the end of its log as the cause, on the board and in the last table", async () => {
    const exits = 'if(process.argv.includes("inference"))console.error("the reason"),process.exit(2)';
    const others = ["gateway", "agents", "consolidation", "web"].flatMap((tier) => ["--tier", `${tier}=0`]);
    const fleet = up(["--json", ...others], { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(exits)}` });
    await fleet.ended;
    const reason = "exited with code 2: the reason";
    expect(factsOf(fleet).at(-1)).toMatchObject({ type: "fleet.stopped", services: [{ outcome: "given up", reason }] });
    expect(viewsOf(fleet).get("inference")).toMatchObject({ state: "stopped", cause: "the reason" });
  });

  it("F57: gives up what is wrongly configured with the cause that it reported, goes on with the rest, and ends with 1, its logs kept", async () => {
    const fleet = up(["--json", "--tier", "web=0"], refusal);
    const lost = await fact(fleet, "the loss", ({ type }) => type === "service.lost");
    expect(lost).toMatchObject({ service: { name: "inference", state: "givenUp", trouble: "exited with code 2" } });
    expect(lost).toMatchObject({ cause: "the cause", retryMs: 600_000 });
    await eventually("the gateway runs", () => viewsOf(fleet).get("gateway")?.state === "running");
    fleet.child.kill("SIGINT");
    expect(await fleet.ended).toMatchObject({ code: 1 });
    const stopped = factsOf(fleet).at(-1) as Fact & { services: Fact[]; logs: string };
    expect(stopped).toMatchObject({ type: "fleet.stopped", exitCode: 1 });
    expect(stopped.services.find(({ name }) => name === "inference")).toMatchObject({ outcome: "given up", exitCode: 2 });
    expect(existsSync(join(stopped.logs, "inference.log"))).toBe(true);
  });

  it("boots beside another one that was started at the same moment, each on ports of its own", async () => {
    const both = [up(["--json"]), up(["--json"])];
    await Promise.all(both.map(ready));
    const used = both.flatMap((fleet) =>
      [...viewsOf(fleet).values()].flatMap(({ healthPort, port }) => (port === undefined ? [healthPort] : [healthPort, port])),
    );
    expect(used).not.toContain(undefined);
    expect(new Set(used).size).toBe(14);
    for (const fleet of both) await end(fleet);
  });

  it("restarts a service elsewhere whose port was taken meanwhile, and publishes that to other shells", async () => {
    const fleet = up([...small, "--tier", "inference=0"]);
    const { gateway } = await ready(fleet);
    const port = Number(new URL(String(gateway)).port);
    const pid = pidOf(fleet, "gateway");
    // a fleet that stands still starts nothing before the port is taken
    fleet.child.kill("SIGSTOP");
    process.kill(pid, "SIGKILL");
    const squatter = await eventually("the port is taken", () => squat(port));
    fleet.child.kill("SIGCONT");
    await isBack(fleet, "gateway", pid);
    const view = viewsOf(fleet).get("gateway")!;
    expect(view.port).not.toBe(port);
    expect(noteOf(fleet).gateway).toBe(`http://127.0.0.1:${view.port}`);
    expect(factsOf(fleet)).toContainEqual(expect.objectContaining({ type: "fleet.listening", url: noteOf(fleet).gateway }));
    squatter.close();
    await end(fleet);
  });

  it("has not failed when it is stopped before its services listen for signals", async () => {
    const fleet = up(["--json"]);
    await fact(fleet, "the start", ({ type }) => type === "fleet.starting");
    fleet.child.kill("SIGINT");
    expect(await fleet.ended).toMatchObject({ code: 0, err: "" });
    const { services } = factsOf(fleet).at(-1) as Fact & { services: Fact[] };
    expect(services.map(({ outcome }) => outcome)).toEqual(names.map(() => "shutdown"));
    expect(left()).toEqual([]);
  });

  it.each(["reader", "terminal"])("stops in order when its %s is gone", async (what) => {
    const fleet = up(["--json"]);
    await ready(fleet);
    const pids = names.map((name) => pidOf(fleet, name));
    if (what === "reader") fleet.child.stdout!.destroy();
    // as Ctrl-C does in `up | tee log`: what is written of the stop has no reader
    fleet.child.kill(what === "reader" ? "SIGINT" : "SIGHUP");
    expect(await fleet.ended).toMatchObject({ code: 0, signal: null });
    expect(pids.filter(isAlive)).toEqual([]);
    expect(left()).toEqual([]);
    expect(readdirSync(runs())).toEqual([]);
  });

  it("restarts its own Redis at the same URL, reports that, and its services register again", async () => {
    const fleet = up(small);
    await ready(fleet);
    const witness = openRedis(noteOf(fleet).redisUrl);
    await witness.connect();
    const pid = Number(/^process_id:(\d+)/m.exec(await witness.info("server"))![1]);
    process.kill(pid, "SIGKILL");
    await fact(fleet, "the loss", ({ redis }) => (redis as Fact | undefined)?.state === "backingOff");
    const back = await fact(fleet, "the return", ({ redis }) => (redis as Fact | undefined)?.state === "running");
    expect(back.redis).toMatchObject({ restarts: 1 });
    const here = async () =>
      (JSON.parse((await shell.run(["fleet", "--json"])).out) as RegistryEntry[]).map(({ service }) => service);
    await eventually("they are registered again", async () => (await here()).join() === "gateway,inference");
    await closeRedis(witness, { signal: AbortSignal.timeout(1000) });
    await end(fleet);
    expect(left()).toEqual([]);
  });

  it("F57: is asked for by name where two run, and found by its pid", async () => {
    const both = [up(small), up(small)];
    await Promise.all(both.map(ready));
    const refused = await shell.run(["fleet"]);
    expect(refused).toMatchObject({ code: 2, out: "" });
    for (const { child } of both) expect(refused.err).toContain(`${child.pid} (`);
    for (const fleet of both) {
      const found = await shell.run(["fleet", "--json", "--fleet", String(fleet.child.pid)]);
      const pids = (JSON.parse(found.out) as RegistryEntry[]).map(({ pid }) => pid);
      expect(pids.sort()).toEqual([...viewsOf(fleet).values()].map(({ pid }) => pid).sort());
    }
    for (const fleet of both) await end(fleet);
  });

  it("F57: says of a service that another process has ended that it is not started again, and shows no ports of it", async () => {
    const fleet = up(small);
    await ready(fleet);
    process.kill(pidOf(fleet, "gateway"), "SIGTERM");
    await eventually("the end", () => viewsOf(fleet).get("gateway")!.state === "ended");
    const { trouble, port, healthPort } = viewsOf(fleet).get("gateway") as View & { trouble: string };
    expect([trouble, port, healthPort]).toEqual([
      "by SIGTERM, which this fleet has not sent; it is started again with the fleet only",
      undefined,
      undefined,
    ]);
    await end(fleet);
  });

  it("F51: says when its folder or the socket of its Redis was removed, and stops in order all the same", async () => {
    const fleet = up(small);
    await ready(fleet);
    const { logs } = factsOf(fleet).find(({ type }) => type === "fleet.starting") as Fact & { logs: string };
    const socket = new URL(noteOf(fleet).redisUrl).searchParams.get("path")!;
    rmSync(logs, { recursive: true });
    rmSync(socket);
    for (const path of [logs, socket]) {
      const notice = await fact(fleet, path, ({ message }) => String(message).includes(`${path}, was removed`));
      expect(notice).toMatchObject({ type: "notice", message: expect.stringContaining("start it again") });
    }
    await end(fleet);
    expect(left()).toEqual([]);
  });

  it.runIf(process.getuid?.() === 0)("F50: boots and is found for a user whom the system has no name for", async () => {
    chmodSync(shell.folder, 0o1777);
    const stranger = { uid: 12_345, gid: 12_345 };
    const fleet = shell.start(["up", ...small], ports, stranger);
    await ready(fleet);
    const found = await shell.start(["fleet", "--json"], {}, stranger).ended;
    expect(found).toMatchObject({ code: 0, err: "" });
    expect(JSON.parse(found.out)).toHaveLength(2);
    await end(fleet);
  });

  it("needs nothing of the PATH", async () => {
    const fleet = up(small, { PATH: "/nonexistent" });
    await ready(fleet);
    await end(fleet);
    expect(left()).toEqual([]);
  });

  it("is killed by a second signal", async () => {
    const fleet = up(["--json", "--tier", "web=0"]);
    await ready(fleet);
    const pid = pidOf(fleet, "gateway");
    process.kill(pid, "SIGSTOP");
    await eventually("the gateway is killed", () => {
      if (isAlive(pid)) fleet.child.kill("SIGINT");
      return !isAlive(pid);
    });
    expect(await fleet.ended).toMatchObject({ code: 130 });
    const { services } = factsOf(fleet).at(-1) as Fact & { services: Fact[] };
    expect(services.find(({ name }) => name === "gateway")).toMatchObject({ outcome: "killed" });
    expect(left()).toEqual([]);
  });

  it("ends by itself when its `up` is killed, Redis too", async () => {
    const fleet = up(["--json"]);
    await ready(fleet);
    const pids = names.map((name) => pidOf(fleet, name));
    fleet.child.kill("SIGKILL");
    await fleet.ended;
    for (const pid of pids) await gone(pid);
    await eventually("Redis is gone", () => left().length === 0);
    expect((await shell.run(["fleet"])).err).toContain("Redis at redis://127.0.0.1:6379");
  });
});
