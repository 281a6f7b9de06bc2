/** Checks of a service's own, as a program has them: what its probes, /status, /metrics and facts show of a pool that comes and goes. */
import { afterEach, describe, expect, it } from "vitest";
import type { HookContext, ServiceFact, ServiceOptions } from "../../src/index.ts";
import { StargazerService } from "../../src/index.ts";
import { silentLogger } from "../../src/logger.ts";
import type { Answer } from "../kit/http-client.ts";
import { ask } from "../kit/http-client.ts";
import { withPatience } from "../kit/patience.ts";
import { reservePort } from "../kit/port-reservation.ts";
import { aborted, hangs } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

/** Stands for a pool of a database. */
class Pool {
  isUp = true;
  queries = 0;
  async query(_: { text: string; signal: AbortSignal }): Promise<void> {
    this.queries += 1;
    if (!this.isUp) throw new Error("connect ECONNREFUSED 10.0.0.7:5432");
  }
}

class Orders extends StargazerService {
  pool = new Pool();
  facts: ServiceFact[] = [];

  constructor(own: Partial<ServiceOptions> = {}) {
    super(
      withPatience({
        serviceName: "orders",
        redis: null,
        useHealthServer: true,
        healthPort: 0,
        jitterMaxMs: 0,
        logger: silentLogger,
        checks: {
          database: {
            check: ({ signal }) => this.pool.query({ text: "select 1", signal }),
            intervalMs: 20,
            failures: 2,
          },
        },
        ...own,
      }),
    );
    this.onFact((fact) => this.facts.push(fact));
  }

  protected override onStart(): void {}
  protected override run({ signal }: HookContext): Promise<void> {
    return aborted(signal);
  }
  protected override async onStop(): Promise<void> {
    if (this.holds) await new Promise<void>((resolve) => (this.release = resolve));
  }
  /** whether its `onStop` takes until `release` */
  holds = false;
  release = (): void => {};

  /** The facts of its checks, without their reasons. */
  get checkFacts(): string[] {
    return this.facts.flatMap((fact) =>
      fact.type.startsWith("check.") && "check" in fact ? [`${fact.type} ${fact.check}`] : [],
    );
  }
}

const begun: StargazerService[] = [];
const releases: (() => unknown)[] = [];
afterEach(async () => {
  for (const service of begun.splice(0)) await service.shutdown();
  for (const release of releases.splice(0)) await release();
});

/** A service that is up, and its port. */
const open = async (own: Partial<ServiceOptions> = {}): Promise<{ orders: Orders; port: number }> => {
  const { port, release } = await reservePort();
  const orders = new Orders({ healthPort: port, ...own });
  begun.push(orders);
  releases.push(release);
  await orders.boot();
  void orders.runToCompletion();
  return { orders, port };
};
const answers = async (port: number, path: string, status: number): Promise<Answer> => {
  const isAnswered = (answer: Answer) => (answer.status === status ? answer : undefined);
  return eventually(`${path} is ${status}`, async () => isAnswered(await ask(port, path)));
};

describe.each([
  { probeThread: true, on: "the probe thread" },
  { probeThread: false, on: "the main thread" },
])("a service with a check of its database, answered on $on", ({ probeThread }) => {
  it("is ready while the check passes, not ready while it has fallen, and everything that shows it names the check", async () => {
    const { orders, port } = await open({ probeThread });
    await answers(port, "/readyz", 200);
    orders.pool.isUp = false;
    await answers(port, "/readyz", 503);
    const { data } = await ask(port, "/readyz");
    expect(data.reason).toMatch(/^the check 'database' failed: connect ECONNREFUSED 10\.0\.0\.7:5432, \d+ times in a row$/);
    const [status, metrics, alive] = await Promise.all(["/status", "/metrics", "/healthz"].map((path) => ask(port, path)));
    expect(status!.data.checks).toEqual([
      {
        check: "database",
        kind: "readiness",
        passing: false,
        failures: expect.any(Number),
        reason: expect.stringContaining("5432"),
      },
    ]);
    expect(metrics!.body).toContain('\nsg_check_passing{check="database",kind="readiness"} 0\n');
    expect(alive!.status).toBe(200);
    orders.pool.isUp = true;
    await answers(port, "/readyz", 200);
    await eventually("both facts are there", () => orders.checkFacts.length === 2);
    expect(orders.checkFacts).toEqual(["check.failed database", "check.restored database"]);
  });

  it("is not ready before the check has passed once, and stays so where it hangs: one call, however many probes", async () => {
    const signals: AbortSignal[] = [];
    const check = ({ signal }: { signal: AbortSignal }) => {
      signals.push(signal);
      return hangs();
    };
    const { orders, port } = await open({ probeThread, checks: { queue: { check, intervalMs: 20, timeoutMs: 20 } } });
    const asked = await Promise.all(Array.from({ length: 50 }, () => ask(port, "/readyz")));
    expect(new Set(asked.map(({ status }) => status))).toEqual(new Set([503]));
    await eventually("the check has fallen", () => orders.checkFacts.includes("check.failed queue"));
    expect((await ask(port, "/readyz")).data.reason).toMatch(/^the check 'queue' failed: no answer within \d+ ms/);
    expect(signals.map(({ aborted: isAborted }) => isAborted)).toEqual([true]);
  });

  it("whose liveness check has fallen answers /healthz with 503 and its reason, while readiness does not depend on it", async () => {
    let isStuck = false;
    const progress = { check: () => !isStuck, intervalMs: 20, failures: 2 };
    const { port } = await open({ probeThread, checks: {}, livenessChecks: { progress } });
    expect((await ask(port, "/healthz")).status).toBe(200);
    isStuck = true;
    const { data } = await answers(port, "/healthz", 503);
    expect(data).toEqual({
      status: "failed",
      reason: expect.stringMatching(/^the check 'progress' failed: it returned false, /),
    });
    expect((await ask(port, "/readyz")).status).toBe(200);
    isStuck = false;
    await answers(port, "/healthz", 200);
  });
});

describe("the checks of a service that stops", () => {
  it("end on entry of stopping: a pool that is closed in onStop fails none", async () => {
    const { orders, port } = await open({ closeHealth: "last", drainTimeoutMs: 60_000, shutdownTimeoutMs: 60_000 });
    await answers(port, "/readyz", 200);
    orders.pool.isUp = false;
    orders.holds = true;
    const stopped = orders.shutdown();
    const { queries } = orders.pool;
    const { data } = await answers(port, "/readyz", 503);
    expect(data.reason).toBe("the service is in 'stopping'");
    for (let probes = 0; probes < 50; probes += 1) await ask(port, "/readyz");
    expect([orders.pool.queries, orders.checkFacts]).toEqual([queries, []]);
    orders.release();
    await stopped;
  });
});

describe("the options of checks", () => {
  const problemsOf = (own: object): string => {
    try {
      new Orders(own as Partial<ServiceOptions>);
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  };

  it.each([
    [{ checks: [] }, "checks must be an object of functions, not a list"],
    [{ checks: new Map([["db", () => {}]]) }, "checks must be an object of functions, not one without entries"],
    [
      {
        livenessChecks: new (class {
          database() {}
        })(),
      },
      "livenessChecks must be an object of functions, not one without",
    ],
    [{ checks: { db: 1 } }, "checks.db must be a function, or an object with one as check, not 1"],
    [{ livenessChecks: { db: {} } }, "livenessChecks.db must be a function"],
    [{ checks: { "a b": () => {} } }, "checks.a b: a name has 1 to 64 letters"],
    [{ checks: { db: { check() {}, every: 5 } } }, "checks.db has an unknown option 'every'"],
    [{ checks: { db: { check() {}, failures: 0 } } }, "checks.db.failures must be a whole number from 1 to 1000, not 0"],
    [{ useHealthServer: false }, "checks, livenessChecks and metrics need the health server: set useHealthServer: true"],
  ])("%o: a wrong one is named", (own, problem) => {
    expect(problemsOf(own)).toContain(problem);
  });
});
