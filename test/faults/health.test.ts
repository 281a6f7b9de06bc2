/** F27 to F29: what health answers is so. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { expect } from "vitest";
import { fault, readable } from "../kit/fault.ts";
import type { Answer } from "../kit/http-client.ts";
import { ask } from "../kit/http-client.ts";
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

const isReady = ({ ready }: Seen) => ready.status === 200;
const liveness = (seen: readonly Seen[]) => [...new Set(seen.map(({ live }) => live.status))];
/** that the server has had */
const pings = async (): Promise<number> =>
  Number(/cmdstat_ping:calls=(\d+)/.exec(await stage.redis.witness.info("commandstats"))?.[1] ?? 0);

const blockMs = 2500;

for (const [what, probeThread] of [
  ["answered on the main thread", false],
  ["answered on the probe thread", true],
] as const) {
  fault("F27", `a block of ${readable(blockMs)}, ${what}`, async (happened) => {
    const { program, port } = await stage.running({ blockMs, options: { probeThread } });
    const seen: Seen[] = [];
    await lookUntil(port, seen, "ready", isReady);
    program.signal("SIGUSR2");
    const pressed = await lookUntil(port, seen, "pressure", (now) => !isReady(now));
    expect(pressed.ready.data.reason).toMatch(/^event loop blocked for \d+ ms$/);
    if (probeThread) expect(pressed.tookMs).toBeLessThan(blockMs / 2);
    await lookUntil(port, seen, "ready again", isReady);
    expect(liveness(seen)).toEqual([200]);
    program.signal("SIGTERM");
    await stage.endsWell(program, 0);
    happened(
      `/readyz 503 "${pressed.ready.data.reason}", answered after ${readable(pressed.tookMs)}; /healthz 200 all the while; then ready again`,
    );
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
    expect(blip.every(isReady)).toBe(true);
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
  expect(Math.max(...seen.map(({ tookMs }) => tookMs))).toBeLessThan(2000);
  program.signal("SIGKILL");
  happened(`503 after ${readable(ms)}, "${fallen.ready.data.reason}"; no probe waited for it, /healthz 200`);
});

fault("F28", "many probes at once", async (happened) => {
  const { program, port } = await stage.running();
  const first = await pings();
  await eventually("a check", async () => (await pings()) > first);
  const [before, since] = [await pings(), performance.now()];
  const answers = await Promise.all(Array.from({ length: 300 }, () => ask(port, "/readyz")));
  const [checks, ms] = [(await pings()) - before, performance.now() - since];
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(checks).toBeLessThanOrEqual(Math.ceil(ms / 1000) + 1);
  program.signal("SIGTERM");
  await stage.endsWell(program, 0);
  happened(`${answers.length} probes within ${readable(ms)} cost ${checks} ${checks === 1 ? "check" : "checks"} (one a second)`);
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
