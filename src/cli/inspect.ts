/** `inspect`: the state of one running instance on the chart, and its path. */
import { isChartPhase, stateNames } from "../../machines/phases.ts";
import { withRedis } from "../fleet/connect.ts";
import { isRecord } from "../record.ts";
import type { RegistryEntry } from "../registry/registry.ts";
import { Registry } from "../registry/registry.ts";
import { timelineTree } from "../timeline/timeline-tree.ts";
import type { Command } from "./command.ts";
import { jsonDetail, jsonOption, refuse } from "./command.ts";
import { findInstance } from "./instance.ts";
import { findPlace, placeDetails, placeOptions, placeSynopsis } from "./place.ts";
import { print, printJson } from "./print.ts";
import type { Status } from "./status-client.ts";
import { askStatus } from "./status-client.ts";
import type { Paint } from "./terminal.ts";
import { duration, paintFor } from "./terminal.ts";

const lastTransitions = 6;

const clock = (at: number): string => new Date(at).toISOString().slice(11, 23);

/** The nine states: passed, current, to come. */
const spine = ({ state, path, phases, uptimeMs }: Status, paint: Paint): string[] =>
  stateNames.map((name, index) => {
    const record = phases.findLast(({ phase }) => phase === name);
    const time = record === undefined ? "" : duration(record.durationMs ?? Math.max(0, uptimeMs - record.offsetMs));
    if (name === state) return paint("bold", `  \u25cf ${path.replaceAll(".", " \u203a ").padEnd(24)}${time}`);
    const isPast = index < stateNames.indexOf(state);
    return isPast ? `  \u2713 ${name.padEnd(24)}${time}`.trimEnd() : paint("dim", `  \u00b7 ${name}`);
  });

const leaseLines = ({ lease }: Status): string[] => {
  if (lease === null) return ["  none"];
  const missed = lease.missed > 0 ? `, ${lease.missed} writes without an answer` : "";
  const confirmed = `confirmed ${duration(Math.max(0, lease.confirmedAgoMs))} ago`;
  return [`  ${lease.state}, ${confirmed}${missed}`, ...(lease.trouble === "" ? [] : [`  ${lease.trouble}`])];
};

const transitions = ({ phases }: Status): string[] => {
  const passed = phases.filter(({ phase }) => isChartPhase(phase));
  const lines = passed
    .slice(1)
    .map(({ phase, startedAt }, index) => `  ${clock(startedAt)}  ${passed[index]!.phase} \u2192 ${phase}`);
  return lines.slice(-lastTransitions);
};

const failureLines = ({ failures }: Status): string[] =>
  failures.map(({ code, phase, message }) => `  ${code} in ${phase}: ${message}`);

/** Why it takes no traffic, as `/readyz` answers it; nothing where it does. */
const notReadyLine = ({ readiness }: Status): string[] =>
  isRecord(readiness) && readiness.ready === false ? [`not ready: ${String(readiness.reason)}`] : [];

const section = (title: string, lines: readonly string[], paint: Paint): string[] =>
  lines.length === 0 ? [] : ["", paint("cyan", title), ...lines];

const report = (entry: RegistryEntry, status: Status, paint: Paint): string[] => {
  const head = `${status.service}/${status.instance}  pid ${entry.pid} on ${entry.host}, up for ${duration(Math.max(0, status.uptimeMs))}`;
  return [
    paint("bold", head),
    ...notReadyLine(status).map((line) => paint("yellow", line)),
    ...(status.degraded ? [paint("yellow", `degraded, since Redis is optional. ${status.condition ?? ""}`.trimEnd())] : []),
    "",
    ...spine(status, paint),
    ...section("lease", leaseLines(status), paint),
    ...section("last transitions", transitions(status), paint),
    ...section(
      "phases",
      timelineTree(status.phases, status.uptimeMs).map((line) => `  ${line}`),
      paint,
    ),
    ...section("failures", failureLines(status), paint),
  ];
};

export const inspect: Command = {
  name: "inspect",
  summary: "shows the state of one running instance on the chart, and its path",
  synopsis: `<service>[/<instance>] [--json] ${placeSynopsis}`,
  details: [["instance", "its name or a beginning of it; not needed where there is only one"], jsonDetail, ...placeDetails],
  options: { ...jsonOption, ...placeOptions },
  async run(args) {
    const [target = "", ...more] = args.positionals;
    const [service = "", instance = ""] = target.split("/");
    if (service === "" || more.length > 0) args.problems.push("name one service, or service/instance");
    refuse(args, inspect);
    const place = await findPlace(args, inspect);
    const entry = await withRedis(place, (redis) => findInstance(new Registry(redis), { service, instance }, place.label));
    const status = await askStatus(entry);
    if (args.has("json")) printJson(status, 2);
    else print(report(entry, status, paintFor(process.stdout)));
    return 0;
  },
};
