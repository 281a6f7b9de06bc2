/** F27 to F29: what health answers is so. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { fault, readable } from "../kit/fault.ts";
import type { Answer, Line } from "../kit/http-client.ts";
import { ask, dial } from "../kit/http-client.ts";
import { hooksOf, phaseOf, releasesOf, reportOf, Stage } from "../kit/narrator.ts";
import { eventually } from "../kit/wait.ts";

const stage = new Stage();
const lease = { heartbeatMs: 200, leaseTtlMs: 30_000 };

interface Seen {
  readonly ready: Answer;
  readonly live: Answer;
  readonly tookMs: number;
}

const look = async (port: number): Promise<Seen> => {
  const since = performance.now();
  const [ready, live] = await Promise.all([ask(port, "/readyz"), ask(port, "/healthz")]);
  return { ready, live, tookMs: performance.now() - since };
};

/** Looks again and again until a look fits; what it saw on the way is kept in `seen`. */
const lookUntil = (port: number, seen: Seen[], what: string, fits: (seen: Seen) => boolean) =>
  eventually(what, async () => {
    seen.push(await look(port));
    return fits(seen.at(-1)!) ? seen.at(-1) : undefined;
  }) as Promise<Seen>;

/** A question that is on its way, on a connection of its own. */
const askOnLine = async (port: number, path: string): Promise<Line> => {
  const line = await dial(port);
  line.socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
  return line;
};

const isReady = ({ ready }: Seen) => ready.status === 200;
const liveness = (seen: readonly Seen[]) => [...new Set(seen.map(({ live }) => live.status))];
/** that the server has had */
const pings = async (): Promise<number> =>
  Number(/cmdstat_ping:calls=(\d+)/.exec(await stage.redis.witness.info("commandstats"))?.[1] ?? 0);

/** so long that it counts as a block */
const blockMs = 2500;
const blocked = /^HTTP\/1\.1 503 [\s\S]*event loop blocked for \d+ ms/;

interface Answered {
  readonly ready: string;
  readonly live: string;
}

/** What the probe thread answers before the block is over, once it has noticed it. */
const whileBlocked = async (port: number): Promise<Answered> => {
  const noticed = async () => {
    const ready = await (await askOnLine(port, "/readyz")).received;
    return blocked.test(ready) && ready;
  };
  const ready = await eventually("the block is noticed", noticed);
  return { ready: String(ready), live: await (await askOnLine(port, "/healthz")).received };
};

/** What the main thread answers to questions that were there before the block was over. */
const asItEnds = async (port: number, end: () => void): Promise<Answered> => {
  const lines = [await askOnLine(port, "/readyz"), await askOnLine(port, "/healthz")];
  end();
  const [ready, live] = await Promise.all(lines.map(({ received }) => received));
  return { ready: ready!, live: live! };
};

for (const [what, probeThread] of [
  ["answered on the main thread", false],
  ["answered on the probe thread", true],
] as const) {
  fault("F27", `a block of ${readable(blockMs)}, ${what}`, async (happened) => {
    const folder = mkdtempSync(join(tmpdir(), "stargazer-block-"));
    const blockUntil = join(folder, "over");
    const { program, port } = await stage.running({ blockMs, blockUntil, logSignals: true, options: { probeThread } });
    const seen: Seen[] = [];
    await lookUntil(port, seen, "ready", isReady);
    program.signal("SIGUSR2");
    await program.line("the block has begun", ({ signal }) => signal === "SIGUSR2");
    const { ready, live } = await (probeThread ? whileBlocked(port) : asItEnds(port, () => writeFileSync(blockUntil, "")));
    writeFileSync(blockUntil, "");
    expect([ready, live]).toEqual([expect.stringMatching(blocked), expect.stringMatching(/^HTTP\/1\.1 200 /)]);
    await lookUntil(port, seen, "ready again", isReady);
    expect(liveness(seen)).toEqual([200]);
    program.signal("SIGTERM");
    await stage.endsWell(program, 0);
    rmSync(folder, { recursive: true });
    happened(`/readyz 503 "${/event loop.*ms/.exec(ready)![0]}", /healthz 200 all the while; then ready again`);
  });
}

fault(
  "F27",
  "an outage of Redis, and a blip",
  async (happened) => {
    const { program, port } = await stage.running({ options: lease }, stage.proxy.through(stage.redis.url));
    const blip: Seen[] = [];
    const before = await pings();
    stage.proxy.cut();
    for (let checks = 0; checks < 3; checks = (await pings()) - before) blip.push(await look(port));
    // but for a block, which a busy machine may have
    expect(blip.filter((now) => !isReady(now) && !/event loop/.test(now.ready.data.reason))).toEqual([]);
    const outage: Seen[] = [];
    await stage.proxy.refuse();
    const fallen = await lookUntil(port, outage, "not ready", (now) => !isReady(now));
    await stage.proxy.accept();
    await lookUntil(port, outage, "ready again", isReady);
    await eventually("registered again", async () => (await ask(port, "/status")).data.lease.state.startsWith("held"));
    expect(liveness([...blip, ...outage])).toEqual([200]);
    program.signal("SIGTERM");
    await stage.endsWell(program, 0);
    happened(
      `every connection cut once: ready in all ${blip.length} looks; an outage: /readyz 503 "${fallen.ready.data.reason}"`,
    );
    happened("/healthz 200 all the while; ready again with Redis");
  },
  { slow: true },
);

fault("F28", "Redis takes the check and does not answer", async (happened) => {
  const { program, port } = await stage.running({ options: lease }, stage.proxy.through(stage.redis.url));
  const seen: Seen[] = [];
  const since = performance.now();
  stage.proxy.mode = "stall";
  const fallen = await lookUntil(port, seen, "not ready", (now) => !isReady(now));
  const ms = performance.now() - since;
  expect(fallen.ready.data.reason).toMatch(/^Redis is not reachable: /);
  expect(liveness(seen)).toEqual([200]);
  program.signal("SIGKILL");
  const longest = readable(Math.max(...seen.map(({ tookMs }) => tookMs)));
  happened(`503 after ${readable(ms)}, "${fallen.ready.data.reason}"; the slowest look took ${longest}, /healthz 200`);
});

fault("F28", "many probes at once", async (happened) => {
  const { program, port } = await stage.running({ check: true });
  const checks = () => program.lines.filter(({ type }) => type === "check").length;
  await eventually("the check is under way", () => checks() === 1);
  const since = performance.now();
  const answers = await Promise.all(Array.from({ length: 300 }, () => ask(port, "/readyz")));
  const ms = performance.now() - since;
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
  expect(checks()).toBe(1);
  program.write("go on\n");
  await eventually("ready", async () => (await ask(port, "/readyz")).status === 200);
  program.signal("SIGTERM");
  await stage.endsWell(program, 0);
  happened(
    `${answers.length} probes within ${readable(ms)} cost one check, which hangs: each has 503 at once; ready once it has passed`,
  );
});

fault("F29", "by another process's listener", async (happened) => {
  const taker = createServer().listen(0, "127.0.0.1");
  await once(taker, "listening");
  const { port } = taker.address() as AddressInfo;
  const program = stage.service({ http: true, defers: ["quick", "quick"], options: { healthPort: port } });
  try {
    await stage.endsWell(program, 1);
  } finally {
    taker.close();
  }
  const { error } = reportOf(program);
  expect(error).toMatchObject({ code: "SG_ERR_HEALTH_PORT_IN_USE", phase: "healthy" });
  expect(error!.message).toMatch(new RegExp(`^health port ${port} on 127\\.0\\.0\\.1 is taken\\. .*SG_HEALTH_PORT`));
  expect(hooksOf(program)).toEqual(["onStart", "onStop"]);
  expect(releasesOf(program)).toEqual([1, 0]);
  expect(phaseOf(program, "stopping.deregistering").outcome).toBe("done");
  happened(`exit 1, "${error!.message.replace(String(port), "...")}"; onStop and the releases ran, deregistered`);
});
