/** `inspect`: the state of one running instance on the chart, and its path. */
import { hostname } from "node:os";
import { isChartPhase, stateNames } from "../../machines/phases.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { withRedis } from "../fleet/connect.ts";
import { locate } from "../fleet/locate.ts";
import type { RegistryEntry } from "../registry/registry.ts";
import { Registry } from "../registry/registry.ts";
import type { StatusReport } from "../service/report/status.ts";
import { timelineTree } from "../timeline/timeline-tree.ts";
import type { Command } from "./command.ts";
import { jsonDetail, jsonOption, redisDetail, redisOption, refuse, usageError } from "./command.ts";
import { print, printJson } from "./print.ts";
import type { Paint } from "./terminal.ts";
import { duration, paintFor } from "./terminal.ts";

/** ms for the instance's answer */
const answerTimeoutMs = 3000;
const lastTransitions = 6;

/* ---- find the instance, read its /status ---- */

/** The entry of the named instance. A beginning of its name is enough where only one begins so. */
const choose = (entries: readonly RegistryEntry[], service: string, instance: string, label: string): RegistryEntry => {
  const exact = entries.filter((entry) => entry.instance === instance);
  const fitting = exact.length > 0 ? exact : entries.filter((entry) => entry.instance.startsWith(instance));
  const [found, ...more] = fitting;
  if (found === undefined) {
    const name = instance === "" ? service : `${service}/${instance}`;
    throw new StargazerError("SG_ERR_REGISTRY", `${name} is not registered in ${label}. See: stargazer fleet`);
  }
  if (more.length === 0) return found;
  const names = fitting.map((entry) => `${entry.service}/${entry.instance}`);
  throw usageError([`${names.length} instances match; name one: ${names.join(", ")}`], "inspect");
};

/** The host part of the URL. A server that listens on all addresses is reached by loopback or by its host name. */
const reachable = ({ host, health }: RegistryEntry): string => {
  const name = health?.host ?? "";
  if (name !== "0.0.0.0" && name !== "::") return name.includes(":") ? `[${name}]` : name;
  return host === hostname() ? "127.0.0.1" : host;
};

const ask = async (entry: RegistryEntry): Promise<StatusReport> => {
  const name = `${entry.service}/${entry.instance}`;
  if (entry.health === null) {
    const message = `${name} is '${entry.status}' and has no health server, so its state cannot be read. See: stargazer fleet`;
    throw new StargazerError("SG_ERR_FAILED", message);
  }
  const url = `http://${reachable(entry)}:${entry.health.port}/status`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(answerTimeoutMs), redirect: "error" });
    const status = (await response.json()) as StatusReport;
    if (status.instance !== entry.instance || !Array.isArray(status.phases)) throw new Error("the answer is of another instance");
    return status;
  } catch (cause) {
    const why = messageOf((cause as Error).cause ?? cause);
    throw new StargazerError(
      "SG_ERR_FAILED",
      `${name} did not answer at ${url}: ${why}. It may be gone, or out of reach from here.`,
      {
        cause,
      },
    );
  }
};

/* ---- print it ---- */

const clock = (at: number): string => new Date(at).toISOString().slice(11, 23);

/** The nine states: passed, current, to come. */
const spine = ({ state, path, phases }: StatusReport, now: number, paint: Paint): string[] =>
  stateNames.map((name, index) => {
    const record = phases.findLast(({ phase }) => phase === name);
    const time = record === undefined ? "" : duration(record.durationMs ?? now - record.startedAt);
    if (name === state) return paint("bold", `  \u25cf ${path.replaceAll(".", " \u203a ").padEnd(24)}${time}`);
    const isPast = index < stateNames.indexOf(state);
    return isPast ? `  \u2713 ${name.padEnd(24)}${time}`.trimEnd() : paint("dim", `  \u00b7 ${name}`);
  });

const leaseLines = ({ lease }: StatusReport, now: number): string[] => {
  if (lease === null) return ["  none"];
  const missed = lease.missed > 0 ? `, ${lease.missed} writes without an answer` : "";
  const confirmed = `confirmed ${duration(Math.max(0, now - lease.confirmedAt))} ago`;
  return [`  ${lease.state}, ${confirmed}${missed}`, ...(lease.trouble === "" ? [] : [`  ${lease.trouble}`])];
};

const transitions = ({ phases }: StatusReport): string[] => {
  const passed = phases.filter(({ phase }) => isChartPhase(phase));
  const lines = passed
    .slice(1)
    .map(({ phase, startedAt }, index) => `  ${clock(startedAt)}  ${passed[index]!.phase} \u2192 ${phase}`);
  return lines.slice(-lastTransitions);
};

const failureLines = ({ failures }: StatusReport): string[] =>
  failures.map(({ code, phase, message }) => `  ${code} in ${phase}: ${message}`);

const section = (title: string, lines: readonly string[], paint: Paint): string[] =>
  lines.length === 0 ? [] : ["", paint("cyan", title), ...lines];

const report = (entry: RegistryEntry, status: StatusReport, paint: Paint): string[] => {
  const now = Date.now();
  const head = `${status.service}/${status.instance}  pid ${entry.pid} on ${entry.host}, up for ${duration(now - status.startedAt)}`;
  return [
    paint("bold", head),
    ...(status.degraded ? [paint("yellow", "degraded: Redis is optional and has not answered since boot")] : []),
    "",
    ...spine(status, now, paint),
    ...section("lease", leaseLines(status, now), paint),
    ...section("last transitions", transitions(status), paint),
    ...section(
      "phases",
      timelineTree(status.phases, now).map((line) => `  ${line}`),
      paint,
    ),
    ...section("failures", failureLines(status), paint),
  ];
};

export const inspect: Command = {
  name: "inspect",
  summary: "shows the state of one running instance on the chart, and its path",
  synopsis: "<service>[/<instance>] [--json] [--redis URL]",
  details: ["instance         its name or a beginning of it; not needed where there is only one", jsonDetail, redisDetail],
  options: { ...jsonOption, ...redisOption },
  async run(args) {
    const [target = "", ...more] = args.positionals;
    const [service = "", instance = ""] = target.split("/");
    if (service === "" || more.length > 0) args.problems.push("name one service, or service/instance");
    refuse(args, inspect);
    const place = locate(args.text("redis"));
    const entries = await withRedis(place, (redis) => new Registry(redis).list(service));
    const entry = choose(entries, service, instance, place.label);
    const status = await ask(entry);
    if (args.has("json")) printJson(status, 2);
    else print(report(entry, status, paintFor(process.stdout)));
    return 0;
  },
};
