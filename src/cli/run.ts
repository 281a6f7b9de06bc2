/** `run`: one service in the foreground, which is what systemd, Kubernetes and `up` start. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { messageOf, StargazerError } from "../errors.ts";
import { launch } from "../launch.ts";
import type { StargazerService } from "../service/service.ts";
import { tiers } from "../tiers/index.ts";
import { didYouMean } from "./closest.ts";
import type { Command } from "./command.ts";
import { refuse, usageError } from "./command.ts";

type Start = StargazerService | (() => StargazerService);

const isPath = (target: string): boolean => /^[./]|[/\\]|\.[cm]?[jt]s$/.test(target);

/** By shape rather than by class: the module may bring a copy of this package of its own. */
const isService = (value: unknown): value is StargazerService =>
  typeof value === "object" && value !== null && "runToCompletion" in value && "shutdown" in value;
const isServiceClass = (value: unknown): value is new () => StargazerService =>
  typeof value === "function" && isService(value.prototype as unknown);

const tier = async (name: string): Promise<Start> => {
  const found = tiers.find((candidate) => candidate.name === name);
  const known = tiers.map((candidate) => candidate.name);
  if (found === undefined) {
    throw usageError(
      [
        `unknown tier ${JSON.stringify(name)}${didYouMean(name, known)}: name one of ${known.join(", ")}, or a module as ./file.js`,
      ],
      "run",
    );
  }
  const Tier = await found.load();
  return () => new Tier({});
};

const load = async (file: string): Promise<Record<string, unknown>> => {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (cause) {
    throw new StargazerError("SG_ERR_CONFIG_INVALID", `the module ${file} cannot be loaded: ${messageOf(cause)}`, { cause });
  }
};

const fromModule = async (path: string): Promise<Start> => {
  const file = resolve(path);
  if (!existsSync(file)) throw usageError([`there is no module ${path}`], "run");
  const { default: exported } = await load(file);
  if (isServiceClass(exported)) return () => new exported();
  if (isService(exported)) return exported;
  throw usageError(
    [`the module ${path} has no service in it: export a class that extends StargazerService, or an instance, as default`],
    "run",
  );
};

export const run: Command = {
  name: "run",
  summary: "runs one service in the foreground until it ends or gets SIGTERM or SIGINT",
  synopsis: "<tier | ./module.js>",
  details: [
    `tier             ${tiers.map(({ name }) => name).join(", ")}`,
    "./module.js      its default export is a class that extends StargazerService, or an instance",
    "Settings come from the environment: REDIS_URL, SG_HEALTH_PORT, SG_HEALTH_HOST, SG_BOOT_JITTER_MS and the tier's own.",
  ],
  options: {},
  async run(args) {
    const [target = "", ...more] = args.positionals;
    if (target === "" || more.length > 0) args.problems.push("name one tier or one module");
    refuse(args, run);
    const report = await launch(await (isPath(target) ? fromModule(target) : tier(target)));
    return report.exitCode;
  },
};
