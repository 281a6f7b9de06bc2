import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isAlive } from "../../src/process.ts";
import { closeRedis, openRedis } from "../../src/redis/connection.ts";
import type { RegistryEntry } from "../../src/registry/registry.ts";
import type { CliProcess, Shell } from "../kit/cli.ts";
import { endCli, openShell } from "../kit/cli.ts";
import { eventually } from "../kit/wait.ts";

type Fact = Record<string, unknown> & { type: string };
interface View {
  readonly name: string;
  readonly state: string;
  readonly pid: number;
  readonly restarts: number;
  readonly healthPort: number;
  readonly port?: number;
}

const names = ["agents", "consolidation", "gateway", "inference", "web"];
/** away from the usual ports, so that a fleet on this machine is not in the way */
const ports = { SG_GATEWAY_PORT: "18080", SG_WEB_PORT: "18090", SG_HEALTH_PORT: "19090" };

const factsOf = (up: CliProcess): Fact[] =>
  up
    .out()
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Fact);
const fact = async (up: CliProcess, what: string, fits: (fact: Fact) => boolean): Promise<Fact> =>
  (await eventually(`${what} in ${up.out()} ${up.err()}`, () => factsOf(up).find(fits), { timeoutMs: 15_000 })) as Fact;
const ready = (up: CliProcess) => fact(up, "ready", ({ type }) => type === "fleet.ready");
/** the last that was said of each service */
const viewsOf = (up: CliProcess): Map<string, View> => {
  const starting = factsOf(up).find(({ type }) => type === "fleet.starting") as unknown as { services: View[] };
  const changes = factsOf(up).filter(({ type }) => type === "service.changed") as unknown as { service: View }[];
  return new Map([...starting.services, ...changes.map(({ service }) => service)].map((view) => [view.name, view]));
};
const pidOf = (up: CliProcess, name: string): number => viewsOf(up).get(name)!.pid;
const gone = (pid: number) => eventually(`pid ${pid} is gone`, () => !isAlive(pid), { timeoutMs: 10_000 });

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

  it("boots, is found by other shells, answers, and unwinds at Ctrl-C within 5 s with nothing left", async () => {
    const fleet = up();
    await fleet.line("the page", (line) => /^page {2}http:\/\/127\.0\.0\.1:\d+$/.test(line));
    await fleet.line("the chat", (line) => /^chat {2}stargazer chat .*\/webchat\)$/.test(line));
    await fleet.line("the ready line", (line) => /^ready in [\d.]+ m?s/.test(line));

    const listed = await shell.run(["fleet", "--json"]);
    const entries = JSON.parse(listed.out) as RegistryEntry[];
    expect(entries.map(({ service }) => service)).toEqual(names);
    for (const entry of entries) {
      expect(entry).toMatchObject({ status: "running", incarnation: expect.any(Number), health: { port: expect.any(Number) } });
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

  it("steps over ports that are taken, and names them", async () => {
    const squatter = createServer().listen(Number(ports.SG_GATEWAY_PORT), "127.0.0.1");
    await new Promise((resolve) => squatter.once("listening", resolve));
    const fleet = up(["--json", "--tier", "web=0", "--tier", "agents=0", "--tier", "consolidation=0", "--tier", "inference=2"]);
    const taken = await fact(fleet, "the port", ({ type }) => type === "port.taken");
    expect(taken).toMatchObject({ whose: "gateway", taken: [18080] });
    expect(await ready(fleet)).toMatchObject({ gateway: `http://127.0.0.1:${taken.port}` });
    expect([...viewsOf(fleet).keys()]).toEqual(["gateway", "inference-1", "inference-2"]);
    fleet.child.kill("SIGTERM");
    expect(await fleet.ended).toMatchObject({ code: 0 });
    squatter.close();
  });

  it("restarts what crashes", async () => {
    const fleet = up(["--json", "--tier", "web=0"]);
    await ready(fleet);
    const pid = pidOf(fleet, "inference");
    process.kill(pid, "SIGKILL");
    await eventually(
      "inference is back",
      () => {
        const view = viewsOf(fleet).get("inference")!;
        return view.state === "running" && view.pid !== pid && view.restarts === 1;
      },
      { timeoutMs: 10_000 },
    );
    expect(await shell.run(["chat", "--once", "again"])).toMatchObject({ code: 0 });
    fleet.child.kill("SIGINT");
    expect(await fleet.ended).toMatchObject({ code: 0 });
  });

  it("gives up what is wrongly configured with the cause that it told, goes on with the rest, and ends with 1, its logs kept", async () => {
    const report = '{type:"report",outcome:"failed",reason:"r",exitCode:2,error:"the cause"}';
    const refuse = `if(process.argv.includes("inference"))process.send(${report},()=>{console.log("more");process.exit(2)}),await new Promise(()=>{})`;
    const fleet = up(["--json", "--tier", "web=0"], {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(refuse)}`,
    });
    const lost = await fact(fleet, "the loss", ({ type }) => type === "service.lost");
    expect(lost).toMatchObject({ service: { name: "inference", state: "givenUp", trouble: "exited with code 2" } });
    expect(lost.cause).toBe("the cause");
    await eventually("the gateway runs", () => viewsOf(fleet).get("gateway")?.state === "running", { timeoutMs: 10_000 });
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
    expect(new Set(used).size).toBe(14);
    for (const { child } of both) child.kill("SIGTERM");
    for (const { ended } of both) expect(await ended).toMatchObject({ code: 0 });
  }, 40_000);

  it("starts a service elsewhere whose port was taken while it was down, and says so to other shells", async () => {
    const fleet = up(["--json", "--tier", "web=0", "--tier", "agents=0", "--tier", "consolidation=0", "--tier", "inference=0"]);
    const { gateway } = await ready(fleet);
    const pid = pidOf(fleet, "gateway");
    const squatter = createServer();
    process.kill(pid, "SIGKILL");
    await eventually("the port is had", async () => {
      squatter.listen(Number(ports.SG_GATEWAY_PORT), "127.0.0.1");
      await once(squatter, "listening");
      return true;
    });
    await eventually(
      "it is back",
      () => viewsOf(fleet).get("gateway")!.pid !== pid && viewsOf(fleet).get("gateway")!.state === "running",
      {
        timeoutMs: 15_000,
      },
    );
    const { port } = viewsOf(fleet).get("gateway")!;
    expect(`http://127.0.0.1:${port}`).not.toBe(gateway);
    const folder = join(shell.folder, `stargazer-${userInfo().uid}`, String(fleet.child.pid));
    expect(JSON.parse(readFileSync(join(folder, "fleet.json"), "utf8"))).toMatchObject({ gateway: `http://127.0.0.1:${port}` });
    squatter.close();
    fleet.child.kill("SIGINT");
    expect(await fleet.ended).toMatchObject({ code: 0 });
  });

  it("has not failed when it is stopped before its services can hear it", async () => {
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
    // as Ctrl-C does in `up | tee log`: what it says of it meets nobody
    fleet.child.kill(what === "reader" ? "SIGINT" : "SIGHUP");
    expect(await fleet.ended).toMatchObject({ code: 0, signal: null });
    expect(pids.filter(isAlive)).toEqual([]);
    expect(left()).toEqual([]);
    expect(readdirSync(join(shell.folder, `stargazer-${userInfo().uid}`))).toEqual([]);
  });

  it("starts its own Redis again where it was, says so, and its services come back to it", async () => {
    const fleet = up(["--json", "--tier", "web=0", "--tier", "agents=0", "--tier", "consolidation=0"]);
    await ready(fleet);
    const note = join(shell.folder, `stargazer-${userInfo().uid}`, String(fleet.child.pid), "fleet.json");
    const { redisUrl } = JSON.parse(readFileSync(note, "utf8")) as { redisUrl: string };
    const witness = openRedis(redisUrl);
    await witness.connect();
    const pid = Number(/^process_id:(\d+)/m.exec(await witness.info("server"))![1]);
    process.kill(pid, "SIGKILL");
    await fact(fleet, "the loss", ({ redis }) => (redis as Fact | undefined)?.state === "backingOff");
    const back = await fact(fleet, "the return", ({ redis }) => (redis as Fact | undefined)?.state === "running");
    expect(back.redis).toMatchObject({ restarts: 1 });
    const here = async () =>
      (JSON.parse((await shell.run(["fleet", "--json"])).out) as RegistryEntry[]).map(({ service }) => service);
    await eventually("they are registered again", async () => (await here()).join() === "gateway,inference", {
      timeoutMs: 12_000,
    });
    await closeRedis(witness, { signal: AbortSignal.timeout(1000) });
    fleet.child.kill("SIGINT");
    expect(await fleet.ended).toMatchObject({ code: 0 });
    expect(left()).toEqual([]);
  }, 40_000);

  it("needs nothing of the PATH", async () => {
    const fleet = up(["--json", "--tier", "web=0", "--tier", "agents=0", "--tier", "consolidation=0"], { PATH: "/nonexistent" });
    await ready(fleet);
    fleet.child.kill("SIGINT");
    expect(await fleet.ended).toMatchObject({ code: 0 });
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

  it("ends by itself when its `up` is killed outright, Redis too", async () => {
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
