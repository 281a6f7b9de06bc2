/**
 * Debian's prometheus scrapes a real fleet and evaluates the alerts: none fires while every instance is stopped and started in turn, each
 * fires in its situation, and each query of the dashboard has data. It takes minutes: `npm run telemetry`.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/logger.ts";
import { streamKeys } from "../../src/streams/keys.ts";
import { alertsFile } from "../../src/telemetry/alerts.ts";
import { panelsOf } from "../../src/telemetry/dashboard.ts";
import { situations } from "../../src/telemetry/situations.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";
import { WebService } from "../../src/tiers/web/web.ts";
import { deadlines } from "../kit/deadlines.ts";
import { ask } from "../kit/http-client.ts";
import { toFields } from "../kit/messages.ts";
import { reservePort } from "../kit/port-reservation.ts";
import { block } from "../kit/prober.ts";
import { endPrograms, Program } from "../kit/program.ts";
import { hasProgram } from "../kit/prometheus.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

const isAsked = process.env.STARGAZER_TEST_PROMETHEUS === "1";
const times = { window: "20s" };
const long = { timeoutMs: deadlines.long };

describe.skipIf(!isAsked || !hasProgram("prometheus"))("a fleet under prometheus", () => {
  const folder = mkdtempSync(join(tmpdir(), "sg-prometheus-"));
  const begun: { shutdown(): Promise<unknown> }[] = [];
  const targets = new Map<string, number>();
  let redis: TestRedis;
  let port = 0;
  let child: ReturnType<typeof spawn> | undefined;

  const publish = () => {
    const groups = [...targets].map(([job, own]) => ({ targets: [`127.0.0.1:${own}`], labels: { job } }));
    writeFileSync(join(folder, "targets.json"), JSON.stringify(groups));
  };

  beforeAll(async () => {
    redis = await startTestRedis();
    port = (await reservePort()).port;
    publish();
    writeFileSync(join(folder, "alerts.yml"), alertsFile({ ...times, lasts: "5s", runbook: "RUNBOOK.md" }));
    const config = {
      global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
      rule_files: [join(folder, "alerts.yml")],
      scrape_configs: [
        { job_name: "fleet", file_sd_configs: [{ files: [join(folder, "targets.json")], refresh_interval: "1s" }] },
      ],
    };
    writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
    const flags = [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    child = spawn("prometheus", flags, { stdio: "ignore" });
    await eventually("prometheus", async () => (await ask(port, "/-/ready")).status === 200);
  });
  afterAll(async () => {
    redis?.thaw();
    await endPrograms();
    await Promise.all(begun.map((service) => service.shutdown()));
    child?.kill();
    await redis?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const query = async (text: string): Promise<readonly { readonly metric: Record<string, string> }[]> =>
    (await ask(port, `/api/v1/query?query=${encodeURIComponent(text)}`)).data.data.result;
  const firing = async (): Promise<string[]> =>
    (await query('ALERTS{alertstate="firing"}')).map(({ metric }) => metric.alertname!);
  const scraped = async (name: string, own: number) => {
    targets.set(name, own);
    publish();
  };
  const options = () => ({ redis: redis.url, healthPort: 0, jitterMaxMs: 0, leaseTtlMs: 3000, heartbeatMs: 500 });
  /** A process of the service, which is scraped once it is ready. */
  const start = async (instanceId: string, test: object = {}, env: Readonly<Record<string, string>> = {}): Promise<Program> => {
    const { options: own = {}, ...hooks } = test as { options?: object };
    const all = { options: { ...options(), serviceName: "orders", instanceId, ...own }, ...hooks };
    const program = new Program("service.mjs", { env: { SG_TEST: JSON.stringify(all), SG_VERSION: "1", ...env } });
    return program;
  };
  const running = async (instanceId: string, test: object = {}, env: Readonly<Record<string, string>> = {}): Promise<Program> => {
    const program = await start(instanceId, test, env);
    await program.state("running");
    const listening = await program.line("its port", ({ type }) => type === "health.listening");
    await scraped(instanceId, Number(listening.port));
    return program;
  };

  it("has no alert while every instance is stopped and started in turn; then each fires in its situation, and each panel has data", {
    timeout: 2 * deadlines.long,
  }, async () => {
    const web = new WebService({ ...options(), logger: silentLogger, port: 0 });
    const tier = new TestTier({ ...options(), serviceName: "billing", readinessBlockMs: 300 });
    for (const service of [web, tier]) {
      begun.push(service);
      void service.runToCompletion();
      await service.waitFor("running");
      await scraped(service.serviceName, service.healthAddress!.port);
    }
    const programs = new Map<string, Program>();
    for (const id of ["a", "b", "c"]) programs.set(id, await running(id));
    await eventually("scrapes of a whole window", async () => (await query(`sg_dead_letters offset ${times.window}`))[0], long);
    for (const [id, program] of programs) {
      program.signal("SIGTERM");
      await program.ended;
      programs.set(id, await running(id));
    }
    await eventually("the stops", async () => (await query('sum(sg_fleet_ends_total{outcome="shutdown"}) >= 3'))[0]);
    expect(await query('max_over_time(ALERTS{alertstate="firing"}[10m])')).toEqual([]);

    const seen = new Set<string>();
    const look = async () => {
      for (const name of await firing()) seen.add(name);
      return [...seen];
    };
    const drawn = new Set<string>();
    const all = panelsOf(times).flatMap(({ queries }) => queries.map((one) => one.query));
    const draw = async () => {
      for (const text of all) if (!drawn.has(text) && (await query(text)).length > 0) drawn.add(text);
    };
    const fires = (...names: string[]) =>
      eventually(
        `${names} (so far ${[...seen]})`,
        async () => {
          await Promise.all([look(), draw()]);
          return names.every((name) => seen.has(name));
        },
        long,
      );

    programs.get("a")!.child.kill("SIGKILL");
    await start("slow", { onStart: "hangs", options: { startTimeoutMs: 30_000 } });
    for (const id of ["x", "y"]) await start(id, { run: "throws" });
    await running("d", {}, { SG_VERSION: "2" });
    await redis.witness.xadd(streamKeys(redis.witness).deadLetters, "*", "reason", "x");
    const old = { id: "1", platform: "pager", channel: "c", author: "ada", text: "hi", at: 1 };
    await redis.witness.xadd(messageKeys(redis.witness).inbound, `${Date.now() - 300_000}-1`, ...toFields(old));
    await expect(tier.boot()).rejects.toThrow("not allowed");
    await fires(
      "Killed",
      "FailingBoots",
      "MixedReleases",
      "DeadLetters",
      "UnreadQueue",
      "CommandsRefused",
      "SlowBoot",
      "NotReady",
    );

    const late = await running("late", { onStop: "hangs", options: { stopTimeoutMs: 300 } });
    late.signal("SIGTERM");
    await running("b");
    block(3000);
    await fires("StopOverBudget", "TwinInstance", "BlockedLoop");

    redis.freeze();
    await fires("RedisAway", "LeaseSuspect");
    redis.thaw();
    expect([...seen].sort()).toEqual(situations.map(({ name }) => name).sort());
    expect(all.filter((text) => !drawn.has(text))).toEqual([]);
  });
});
