/** The table of situations, as alerts, dashboard and runbook: promtool evaluates each rule in its situation and in none. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { alertsFile, rulesOf } from "../../src/telemetry/alerts.ts";
import { dashboardOf, panelsOf } from "../../src/telemetry/dashboard.ts";
import { runbookOf, sectionsOf } from "../../src/telemetry/runbook.ts";
import { situations } from "../../src/telemetry/situations.ts";
import { openShell } from "../kit/cli.ts";
import { hasProgram, promtool } from "../kit/prometheus.ts";
import type { Series } from "../kit/situations.ts";
import { calm, justScraped, lookedAt, otherSeries, situationSeries } from "../kit/situations.ts";

const times = { window: "5m" };
const options = { ...times, lasts: undefined, runbook: "https://example.org/runbook" };
const folder = mkdtempSync(join(tmpdir(), "sg-telemetry-"));
const shell = openShell();
afterAll(() => {
  shell.remove();
  rmSync(folder, { recursive: true, force: true });
});
const hasPromtool = hasProgram("promtool");

/** A test of promtool: which rules fire where these are the series. */
const testOf = (name: string, series: Series, firing: readonly string[]) => ({
  name,
  interval: "15s",
  input_series: Object.entries(series).map(([of, values]) => ({ series: of, values })),
  promql_expr_test: [
    {
      expr: 'count by (alertname) (ALERTS{alertstate="firing"}) > bool 0',
      eval_time: lookedAt,
      exp_samples: firing.map((alertname) => ({ labels: `{alertname="${alertname}"}`, value: 1 })),
    },
  ],
});

describe.skipIf(!hasPromtool)("the rules of Prometheus", () => {
  const file = join(folder, "alerts.yml");
  writeFileSync(file, alertsFile(options));

  it("are valid", async () => {
    expect(await promtool("check", "rules", file)).toContain(`SUCCESS: ${situations.length} rules found`);
  });

  it("fire each in its situation, and none while all is well or before the fleet was scraped for long enough", async () => {
    const tests = [
      testOf("all is well", calm, []),
      testOf("just scraped", justScraped, []),
      ...[situationSeries, otherSeries].flatMap((all) =>
        Object.entries(all).map(([name, series]) => testOf(name, { ...calm, ...series }, [name])),
      ),
    ];
    const path = join(folder, "test.json");
    writeFileSync(path, JSON.stringify({ rule_files: [file], evaluation_interval: "15s", tests }));
    expect(await promtool("test", "rules", path)).toContain("SUCCESS");
  });

  it("are valid with times of one's own", async () => {
    writeFileSync(file.replace("alerts", "short"), alertsFile({ ...options, window: "10s", lasts: "1s" }));
    expect(await promtool("check", "rules", file.replace("alerts", "short"))).toContain("SUCCESS");
  });
});

describe("the table", () => {
  it("has an example for each situation", () => {
    expect(Object.keys(situationSeries)).toEqual(situations.map(({ name }) => name));
  });

  it("leads from each alert to a section of the runbook", () => {
    const headings = runbookOf(times).match(/^## .+$/gm) ?? [];
    const anchors = headings.map((heading) => heading.slice(3).toLowerCase().replaceAll(" ", "-"));
    expect(rulesOf(options).map(({ annotations }) => annotations.runbook_url)).toEqual(
      anchors.map((anchor) => `https://example.org/runbook#${anchor}`),
    );
  });

  it("is a file of YAML that says the same as its data", () => {
    expect(parse(alertsFile(options))).toEqual({ groups: [{ name: "stargazer", rules: rulesOf(options) }] });
  });

  it("has a panel for each situation, in a place of its own", () => {
    const { panels } = dashboardOf(times) as { panels: { title: string; gridPos: { x: number; y: number } }[] };
    expect(panels.map(({ title }) => title)).toEqual(expect.arrayContaining(situations.map(({ title }) => title)));
    expect(new Set(panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)).size).toBe(panelsOf(times).length);
  });
});

describe("stargazer telemetry", () => {
  it("prints the alerts with the given times, as a file and as data", async () => {
    const { code, out } = await shell.run([
      "telemetry",
      "alerts",
      "--window",
      "1m",
      "--for",
      "2s",
      "--runbook",
      "https://x.example",
    ]);
    expect([code, out]).toEqual([0, alertsFile({ window: "1m", lasts: "2s", runbook: "https://x.example" })]);
    const json = await shell.run(["telemetry", "alerts", "--json"]);
    expect(JSON.parse(json.out)).toEqual({
      groups: [{ name: "stargazer", rules: rulesOf({ ...times, lasts: undefined, runbook: "RUNBOOK.md" }) }],
    });
  });

  it("prints the dashboard and the runbook", async () => {
    expect(JSON.parse((await shell.run(["telemetry", "dashboard"])).out)).toEqual(dashboardOf(times));
    expect((await shell.run(["telemetry", "runbook"])).out).toBe(runbookOf(times));
    expect(JSON.parse((await shell.run(["telemetry", "runbook", "--json"])).out)).toEqual(sectionsOf(times));
  });

  it.each([
    [[], "name one of alerts, dashboard, runbook"],
    [["alerts", "more"], 'unexpected argument "more"'],
    [["alerts", "--window", "soon"], "--window must be a duration such as 30s or 5m"],
    [["runbook", "--for", "1m"], "--for is for alerts"],
  ])("%j is refused", async (args, problem) => {
    const { code, err } = await shell.run(["telemetry", ...args]);
    expect([code, err]).toEqual([2, expect.stringContaining(problem)]);
  });
});
