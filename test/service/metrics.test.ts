/** /metrics as a scraper reads it: each series once, the service's own beside ours, names that clash, and metrics that fail or never come. */
import { afterEach, describe, expect, it } from "vitest";
import type { HookContext, ServiceFact, ServiceOptions } from "../../src/index.ts";
import { StargazerService } from "../../src/index.ts";
import { silentLogger } from "../../src/logger.ts";
import { ask } from "../kit/http-client.ts";
import { withPatience } from "../kit/patience.ts";
import { aborted, hangs } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

/** What `run` goes through: rounds of three phases, or phases whose names take turns. */
interface Work {
  readonly rounds?: number;
  readonly names?: number;
  readonly phases?: number;
}

class Jobs extends StargazerService {
  readonly facts: ServiceFact[] = [];
  /** whether all of its phases have ended */
  hasWorked = false;
  readonly #work: Work;

  constructor(own: Partial<ServiceOptions> = {}, work: Work = {}) {
    super(
      withPatience({
        serviceName: "jobs",
        redis: null,
        useHealthServer: true,
        healthPort: 0,
        jitterMaxMs: 0,
        logger: silentLogger,
        ...own,
      }),
    );
    this.#work = work;
    this.onFact((fact) => this.facts.push(fact));
  }

  protected override onStart(): void {}
  protected override async run({ phase, signal }: HookContext): Promise<void> {
    const { rounds = 0, names = 1, phases = 0 } = this.#work;
    for (let n = 0; n < phases; n += 1) await phase(`job-${n % names}`, () => {});
    for (let round = 0; round < rounds; round += 1)
      for (const name of ["fetch", "work", "store"])
        await phase(name, () => {
          if (round % 2 === 1 && name === "work") throw new Error("odd");
        }).catch(() => {});
    this.hasWorked = true;
    await aborted(signal);
  }
  protected override onStop(): void {}
}

const begun: StargazerService[] = [];
afterEach(async () => {
  for (const service of begun.splice(0)) await service.shutdown();
});

const open = async (own: Partial<ServiceOptions> = {}, work: Work = {}): Promise<{ jobs: Jobs; port: number }> => {
  const jobs = new Jobs(own, work);
  begun.push(jobs);
  await jobs.boot();
  void jobs.runToCompletion();
  return { jobs, port: jobs.healthAddress!.port };
};
const scrape = async (port: number): Promise<string[]> => {
  const { status, body, headers } = await ask(port, "/metrics");
  expect([status, headers["content-type"]]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  expect(body.endsWith("\n")).toBe(true);
  return body.trimEnd().split("\n");
};
/** A line's series: all of it but the value. */
const seriesOf = (line: string): string => line.replace(/ [^ ]+$/, "");
const repeated = (lines: readonly string[]): string[] => {
  const series = lines.map((line) => (line.startsWith("# ") ? line.split(" ").slice(0, 3).join(" ") : seriesOf(line)));
  return series.filter((name, at) => series.indexOf(name) !== at);
};
/** What a registry of prom-client has. */
const registry = (text: () => unknown): { metrics(): Promise<string>; contentType: string } => ({
  metrics: text as () => Promise<string>,
  contentType: "text/plain; version=0.0.4; charset=utf-8",
});
const ordersTotal = [
  "# HELP orders_total Orders that were taken.",
  "# TYPE orders_total counter",
  'orders_total{kind="a {b} \\"c\\" d"} 7',
  "orders_total 1.5e+3 1700000000000",
];

describe.each([
  { probeThread: true, on: "the probe thread" },
  { probeThread: false, on: "the main thread" },
])("a scrape that $on answers", ({ probeThread }) => {
  it("has each series once, of a service whose three phases ran 1,000 times", async () => {
    const { jobs, port } = await open({ probeThread }, { rounds: 1000 });
    await eventually("the phases are over", () => jobs.hasWorked);
    const lines = await scrape(port);
    expect(repeated(lines)).toEqual([]);
    const phases = lines.filter((line) => line.startsWith("sg_phase_duration_seconds{") && line.includes("running."));
    expect(phases.map(seriesOf).sort()).toEqual([
      'sg_phase_duration_seconds{phase="running.fetch",outcome="done"}',
      'sg_phase_duration_seconds{phase="running.store",outcome="done"}',
      'sg_phase_duration_seconds{phase="running.work",outcome="done"}',
      'sg_phase_duration_seconds{phase="running.work",outcome="failed"}',
    ]);
  });

  it("has at most 100 series after 2,000 phases of 1,000 names, and counts those without a series", async () => {
    const { jobs, port } = await open({ probeThread }, { names: 1000, phases: 2000 });
    await eventually("the phases are over", () => jobs.hasWorked);
    await scrape(port);
    const series = (await scrape(port)).filter((line) => !line.startsWith("#"));
    expect(series.filter((line) => line.startsWith("sg_phase_duration_seconds") && line.includes("running."))).toHaveLength(10);
    expect(series).toContain("sg_phases_left_out_total 1980");
    expect(series.length).toBeLessThanOrEqual(100);
  });

  it("has what the service is, what happened to it and what its process does, under the names of dashboards", async () => {
    const { jobs, port } = await open({ probeThread });
    await expect(jobs.boot()).rejects.toThrow("boot() is not allowed");
    const lines = await scrape(port);
    const names = new Set(lines.filter((line) => line.startsWith("# TYPE ")).map((line) => line.split(" ")[2]));
    for (const name of ["process_start_time_seconds", "process_cpu_seconds_total", "nodejs_version_info"])
      expect(names).toContain(name);
    for (const part of ["", "min_", "max_", "mean_", "stddev_", "p50_", "p90_", "p99_"])
      expect(names).toContain(`nodejs_eventloop_lag_${part}seconds`);
    expect(lines).toContain("# TYPE nodejs_gc_duration_seconds histogram");
    expect(lines).toContain('sg_commands_refused_total{command="boot"} 1');
    expect(lines).toContain('sg_facts_total{type="command.refused"} 1');
    expect(lines).toContain('sg_facts_total{type="failed"} 0');
    expect(lines.join("\n")).not.toContain('type="lease.held"');
    expect(lines.some((line) => /^sg_service_info\{service="jobs",instance="[^"]+",version="[^"]+"\} 1$/.test(line))).toBe(true);
    expect(lines.filter((line) => line.startsWith("sg_state{") && line.endsWith(" 1"))).toEqual(['sg_state{state="running"} 1']);
    expect(repeated(lines)).toEqual([]);
    expect(repeated(await scrape(port))).toEqual([]);
  });

  it("has the service's own metrics unchanged, without a second sample of a series and without invalid lines", async () => {
    const metrics = async () => [...ordersTotal, 'orders_total{kind="a {b} \\"c\\" d"} 8', "<html>", "# EOF", ""].join("\n");
    const { jobs, port } = await open({ probeThread, metrics: registry(metrics) });
    const lines = await scrape(port);
    expect(lines.slice(-ordersTotal.length)).toEqual(ordersTotal);
    expect(repeated(lines)).toEqual([]);
    const reason = "2 lines were left out: duplicate series, or invalid lines";
    expect(jobs.facts.filter(({ type }) => type.startsWith("metrics."))).toEqual([{ type: "metrics.failed", reason }]);
  });

  it("has no metrics of the service's own while they hang: one call for all scrapes, one fact, and another when they are back", async () => {
    let calls = 0;
    let metrics = async () => ordersTotal.join("\n");
    const { jobs, port } = await open({ probeThread, readinessBlockMs: 300, metrics: registry(() => metrics()) });
    let goOn = () => {};
    metrics = () => {
      calls += 1;
      return new Promise((resolve) => {
        goOn = () => resolve(ordersTotal.join("\n"));
      });
    };
    const without = await Promise.all([scrape(port), scrape(port)]);
    for (const lines of [...without, await scrape(port)]) expect(lines.join("\n")).not.toContain("orders_total");
    expect(calls).toBe(1);
    metrics = async () => ordersTotal.join("\n");
    goOn();
    await eventually("they are back", async () => (await scrape(port)).includes("orders_total 1.5e+3 1700000000000"));
    expect(jobs.facts.filter(({ type }) => type.startsWith("metrics."))).toEqual([
      { type: "metrics.failed", reason: expect.stringContaining("metrics()") },
      { type: "metrics.restored" },
    ]);
  });
});

describe("metrics of a service's own", () => {
  const names = [
    "process_cpu_seconds_total",
    "nodejs_gc_duration_seconds",
    "nodejs_eventloop_lag_p99_seconds",
    "sg_anything",
    "sg_stream_length",
  ];

  it("under names of Stargazer's are refused at the boot, all at once, and nothing is left", async () => {
    const text = `${names.map((name) => `# TYPE ${name} gauge\n${name} 1`).join("\n")}\n`;
    const jobs = new Jobs({ metrics: registry(() => text.replace("gc_duration_seconds 1", "gc_duration_seconds_sum 1")) });
    begun.push(jobs);
    const error = await jobs.boot().catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "SG_ERR_METRICS_CLASH", phase: "healthy" });
    for (const name of names) expect(error.message).toContain(name);
    expect(error.message).toContain("collectDefaultMetrics");
    expect(jobs.state).toBe("stopped");
  });

  it("that clash later are left out of each scrape, and are a fact", async () => {
    let text = "ok 1\n";
    const { jobs, port } = await open({ metrics: registry(() => text) });
    text = "ok 1\nsg_up 7\n";
    const lines = await scrape(port);
    expect(lines.filter((line) => line.startsWith("sg_up "))).toEqual(["sg_up 1"]);
    expect(lines.at(-1)).toBe("ok 1");
    expect(jobs.facts).toContainEqual({ type: "metrics.failed", reason: "names of Stargazer's were left out: sg_up" });
  });

  it.each([
    ["that throw", () => { throw new Error("no pool"); }, "no pool"], // biome-ignore format: one row
    ["that are no text", () => 7, "metrics() returned no text but a value of type number"],
    ["of more than 4 MiB", () => `x ${"1".repeat(4 * 1024 * 1024)}\n`, "metrics() returned 4194307 bytes, more than 4194304"],
  ])("%s cost the scrape only themselves", async (_what, metrics, reason) => {
    const { jobs, port } = await open({ metrics: registry(metrics) });
    expect((await scrape(port)).filter((line) => line === "sg_up 1")).toHaveLength(1);
    expect(jobs.facts).toContainEqual({ type: "metrics.failed", reason });
  });

  it("that hang at the boot keep no service from its start", async () => {
    const { jobs } = await open({ readinessBlockMs: 100, metrics: registry(hangs) });
    await jobs.waitFor("running");
  });

  it.each([
    [{ metrics: 7 }, "metrics must be an object with a function metrics(), not 7"],
    [{ metrics: { metrics: String, contentType: "application/openmetrics-text; version=1.0.0" } }, "in the form of OpenMetrics"],
    [{ metrics: registry(() => ""), useHealthServer: false }, "need the health server"],
  ])("%o: a wrong option is named", (own, problem) => {
    expect(() => new Jobs(own as Partial<ServiceOptions>)).toThrow(problem);
  });
});
