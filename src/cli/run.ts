/** `run`: one service in the foreground; what systemd, Kubernetes and `up` start. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { didYouMean } from "../closest.ts";
import { fromEnvironment } from "../environment.ts";
import { messageOf, StargazerError } from "../errors.ts";
import type { InspectChoice } from "../inspector/choice.ts";
import { readChoice } from "../inspector/choice.ts";
import { launch } from "../launch.ts";
import { exitCode, onIdle, onLaunched } from "../process.ts";
import type { StargazerService } from "../service/service.ts";
import { tiers } from "../tiers/index.ts";
import { until } from "../until.ts";
import type { Arguments, Command } from "./command.ts";
import { refuse, usageError } from "./command.ts";
import { endEarlySignals } from "./early.ts";
import { onOutputLost } from "./output.ts";
import { printError } from "./print.ts";

type Start = StargazerService | (() => StargazerService);

const isPath = (target: string): boolean => /^[./]|[/\\]|\.[cm]?[jt]s$/.test(target);

/** Tested by shape, not by class: the module may import another copy of this package. */
const isService = (value: unknown): value is StargazerService =>
  typeof value === "object" && value !== null && "runToCompletion" in value && "shutdown" in value;
const isServiceClass = (value: unknown): value is new (options: object) => StargazerService =>
  typeof value === "function" && isService(value.prototype as unknown);

const tier = async (name: string, options: { readonly instanceId?: string }): Promise<Start> => {
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
  return () => new Tier(options);
};

/** ms for the top level of a module */
const loadTimeoutMs = 60_000;

/** Rejects when the loading cannot end (the event loop is empty), or after `loadTimeoutMs`. */
const unlessStuck = <T>(loading: Promise<T>): Promise<T> => {
  const stuck = new AbortController();
  const giveUp = (why: string) => stuck.abort(new Error(why));
  const stop = onIdle(() => giveUp("its top level awaits a promise that nothing can settle"));
  const timer = setTimeout(giveUp, loadTimeoutMs, `its top level did not end within ${loadTimeoutMs} ms`).unref();
  return until(loading, { signal: stuck.signal, what: "the module to load" }).finally(() => {
    stop();
    clearTimeout(timer);
  });
};

/** The module's exports; undefined as soon as it launches a service itself, which its top level may then await. */
const load = async (file: string, onItself: (service: unknown) => void): Promise<Record<string, unknown> | undefined> => {
  let unsubscribe = () => {};
  const itself = new Promise<undefined>((resolve) => {
    unsubscribe = onLaunched((service) => {
      unsubscribe();
      onItself(service);
      resolve(undefined);
    });
  });
  const loading = import(pathToFileURL(file).href) as Promise<Record<string, unknown>>;
  try {
    const exported = await unlessStuck(Promise.race([itself, loading]));
    // an error of its top level from here on is an uncaught one, as under `node`
    if (exported === undefined) void loading.then(() => {});
    return exported;
  } catch (cause) {
    const isUncompiled = (cause as NodeJS.ErrnoException | null)?.code === "ERR_UNKNOWN_FILE_EXTENSION";
    const advice = isUncompiled ? ". This Node runs JavaScript only: compile it first." : "";
    const message = `the module ${file} cannot be loaded: ${messageOf(cause)}${advice}`;
    throw new StargazerError("SG_ERR_CONFIG_INVALID", message, { cause });
  } finally {
    unsubscribe();
  }
};

/** The service of a module; undefined where the module launched it itself. */
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
      `the module ${path} exports no service: export a class that extends StargazerService, or an instance, as default, or launch it in the module`,
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

/** Attaches the inspector before the service boots; it is loaded only here. */
const watcher = async (choice: InspectChoice): Promise<(service: StargazerService) => void> => {
  const { inspect } = await import("../inspector/inspect.ts");
  return (service) => void inspect(service, choice, { print: (line) => printError(`stargazer: ${line}`) });
};

/** A closed output pipe does not stop a service; signals do. */
const outliveReaders = (): void => onOutputLost(() => {});

export const run: Command = {
  name: "run",
  summary: "runs one service in the foreground until it ends or a signal stops it",
  synopsis: "<tier | ./module.js> [--instance ID] [--inspect[=page|PORT|stately|ws://URL]]",
  details: [
    ["tier", `${tiers.map(({ name }) => name).join(", ")}`],
    ["./module.js", "its default export is a class that extends StargazerService (it is constructed with {}), or an instance;"],
    ["", "or the module launches its service itself"],
    ["--instance ID", "the instance id of a tier, one for each process at a time; a module gives its service one itself"],
    ["--inspect", "serves a page on loopback that shows the service live; SG_INSPECT does the same"],
    ["  =PORT", "the page on that port"],
    ["  =stately", "Stately's inspector, through a relay on loopback (needs the package @statelyai/inspect)"],
    ["  =ws://URL", "the same, to a receiver that is running"],
    "Settings come from the environment: REDIS_URL, SG_HEALTH_PORT, SG_HEALTH_HOST, SG_BOOT_JITTER_MS and the tier's own.",
  ],
  options: { instance: { type: "string" }, inspect: { type: "boolean" } },
  optionalValues: ["inspect"],
  async run(args) {
    const [target = "", ...more] = args.positionals;
    if (target === "" || more.length > 0) args.problems.push("name one tier or one module");
    const instanceId = args.text("instance");
    if (instanceId !== undefined && isPath(target)) args.problems.push("--instance goes with a tier, not with a module");
    refuse(args, run);
    const choice = inspectChoice(args);
    const watch = choice === undefined ? () => {} : await watcher(choice);
    // as under `node`: the module is the main one, and the package that it belongs to is the program's
    if (isPath(target)) process.argv[1] = resolve(target);
    const itself = (service: unknown) => {
      endEarlySignals();
      outliveReaders();
      watch(service as StargazerService);
    };
    const start = await (isPath(target)
      ? fromModule(target, itself)
      : tier(target, instanceId === undefined ? {} : { instanceId }));
    if (start === undefined) return exitCode();
    outliveReaders();
    const launched = launch(() => {
      const service = typeof start === "function" ? start() : start;
      watch(service);
      return service;
    });
    endEarlySignals();
    return (await launched).exitCode;
  },
};
