/** `run`: one service in the foreground, which is what systemd, Kubernetes and `up` start. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { until } from "../clock.ts";
import { didYouMean } from "../closest.ts";
import { fromEnvironment } from "../environment.ts";
import { messageOf, StargazerError } from "../errors.ts";
import type { InspectChoice } from "../inspector/choice.ts";
import { readChoice } from "../inspector/choice.ts";
import { launch } from "../launch.ts";
import { exitCode, onIdle, onLaunched } from "../process.ts";
import type { StargazerService } from "../service/service.ts";
import { tiers } from "../tiers/index.ts";
import type { Arguments, Command } from "./command.ts";
import { refuse, usageError } from "./command.ts";
import { hearNoLonger } from "./early.ts";
import { onOutputLost } from "./output.ts";

type Start = StargazerService | (() => StargazerService);

const isPath = (target: string): boolean => /^[./]|[/\\]|\.[cm]?[jt]s$/.test(target);

/** By shape rather than by class: the module may bring a copy of this package of its own. */
const isService = (value: unknown): value is StargazerService =>
  typeof value === "object" && value !== null && "runToCompletion" in value && "shutdown" in value;
const isServiceClass = (value: unknown): value is new (options: object) => StargazerService =>
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

/** ms that the top level of a module may take */
const loadTimeoutMs = 60_000;

/** Rejects where it would be waited for in vain: nothing is left to do that could end the loading, or it takes too long. */
const unlessStuck = <T>(loading: Promise<T>): Promise<T> => {
  const stuck = new AbortController();
  const giveUp = (why: string) => stuck.abort(new Error(why));
  const stop = onIdle(() => giveUp("its top level awaits what never comes"));
  const timer = setTimeout(giveUp, loadTimeoutMs, `its top level did not end within ${loadTimeoutMs} ms`).unref();
  return until(stuck.signal, loading).finally(() => {
    stop();
    clearTimeout(timer);
  });
};

/** What the module exports; undefined as soon as it has launched a service itself, however long its top level then waits. */
const load = async (file: string, onItself: (service: unknown) => void): Promise<Record<string, unknown> | undefined> => {
  let unhear = () => {};
  const itself = new Promise<undefined>((resolve) => {
    unhear = onLaunched((service) => {
      unhear();
      onItself(service);
      resolve(undefined);
    });
  });
  const loading = import(pathToFileURL(file).href) as Promise<Record<string, unknown>>;
  try {
    const exported = await unlessStuck(Promise.race([itself, loading]));
    // what its top level throws from here on is as uncaught as under `node`
    if (exported === undefined) void loading.then(() => {});
    return exported;
  } catch (cause) {
    const isUncompiled = (cause as NodeJS.ErrnoException | null)?.code === "ERR_UNKNOWN_FILE_EXTENSION";
    const advice = isUncompiled ? ". This Node runs JavaScript only: compile it first." : "";
    const message = `the module ${file} cannot be loaded: ${messageOf(cause)}${advice}`;
    throw new StargazerError("SG_ERR_CONFIG_INVALID", message, { cause });
  } finally {
    unhear();
  }
};

/** Undefined where the module has launched its service itself. */
const fromModule = async (path: string, onItself: (service: unknown) => void): Promise<Start | undefined> => {
  const file = resolve(path);
  if (!existsSync(file)) throw usageError([`there is no module ${path}`], "run");
  const module = await load(file, onItself);
  if (module === undefined) return undefined;
  const { default: exported } = module;
  if (isServiceClass(exported)) return () => new exported({});
  if (isService(exported)) return exported;
  throw usageError(
    [
      `the module ${path} has no service in it: export a class that extends StargazerService, or an instance, as default, or launch it there`,
    ],
    "run",
  );
};

/** `--inspect` over `SG_INSPECT`; undefined for neither. Throws `SG_ERR_CONFIG_INVALID`. */
const inspectChoice = (args: Arguments): InspectChoice | undefined => {
  const option = args.text("inspect") ?? (args.has("inspect") ? "" : undefined);
  if (option !== undefined) return readChoice(option, "--inspect");
  const variable = fromEnvironment("SG_INSPECT");
  return variable === undefined ? undefined : readChoice(variable, "SG_INSPECT");
};

/** Has a service watched from its first moment; the inspector is loaded only here. */
const watcher = async (choice: InspectChoice): Promise<(service: StargazerService) => void> => {
  const { inspect } = await import("../inspector/inspect.ts");
  return (service) => void inspect(service, choice, { say: (line) => console.error(`stargazer: ${line}`) });
};

/** A service is stopped by signals, never by the end of whoever reads what it says. */
const outliveReaders = (): void => onOutputLost(() => {});

export const run: Command = {
  name: "run",
  summary: "runs one service in the foreground until it ends or gets SIGTERM or SIGINT",
  synopsis: "<tier | ./module.js> [--inspect[=page|PORT|stately|ws://URL]]",
  details: [
    `tier             ${tiers.map(({ name }) => name).join(", ")}`,
    "./module.js      its default export is a class that extends StargazerService (it is constructed with {}), or an instance;",
    "                 or it launches its service itself",
    "--inspect        serves a page on loopback that shows the service live; SG_INSPECT does the same",
    "  =PORT          the page on that port",
    "  =stately       Stately's inspector, through a relay on loopback (needs the package @statelyai/inspect)",
    "  =ws://URL      the same, to a receiver that is there already",
    "Settings come from the environment: REDIS_URL, SG_HEALTH_PORT, SG_HEALTH_HOST, SG_BOOT_JITTER_MS and the tier's own.",
  ],
  options: { inspect: { type: "boolean" } },
  optionalValues: ["inspect"],
  async run(args) {
    const [target = "", ...more] = args.positionals;
    if (target === "" || more.length > 0) args.problems.push("name one tier or one module");
    refuse(args, run);
    const choice = inspectChoice(args);
    const watch = choice === undefined ? () => {} : await watcher(choice);
    const itself = (service: unknown) => {
      hearNoLonger();
      outliveReaders();
      watch(service as StargazerService);
    };
    const start = await (isPath(target) ? fromModule(target, itself) : tier(target));
    if (start === undefined) return exitCode();
    outliveReaders();
    const launched = launch(() => {
      const service = typeof start === "function" ? start() : start;
      watch(service);
      return service;
    });
    hearNoLonger();
    return (await launched).exitCode;
  },
};
