/** Finds the service of a tier or a module that is named on the command line. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { didYouMean } from "../closest.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { planGroup } from "../launch/plan.ts";
import type { LaunchOffer } from "../process.ts";
import { muteLogs, onIdle, onLaunched } from "../process.ts";
import { reinsOf } from "../service/reins.ts";
import type { StargazerService } from "../service/service.ts";
import { tiers } from "../tiers/index.ts";
import { until } from "../until.ts";
import { usageError } from "./command.ts";
import { divertOutput } from "./print.ts";

export interface Naming {
  /** the command whose help an error names */
  readonly command: string;
  /** of a tier; a module sets its service's own */
  readonly instanceId: string | undefined;
  /** called with each service that the module launches itself while it is loaded, before the service boots */
  readonly onItself: (service: StargazerService, offer: LaunchOffer) => void;
}

/** A service, or what constructs it. */
export type Start = StargazerService | (() => StargazerService);

/** Whether a module is named, not a tier. */
export const isPath = (target: string): boolean => /^[./]|[/\\]|\.[cm]?[jt]s$/.test(target);

/** Tested by shape, not by class: the module may import another copy of this package. */
const isService = (value: unknown): value is StargazerService =>
  typeof value === "object" && value !== null && "runToCompletion" in value && "shutdown" in value;
const isServiceClass = (value: unknown): value is new (options: object) => StargazerService =>
  typeof value === "function" && isService(value.prototype as unknown);

const tier = async (name: string, { command, instanceId }: Naming): Promise<Start> => {
  const found = tiers.find((candidate) => candidate.name === name);
  const known = tiers.map((candidate) => candidate.name);
  if (found === undefined) {
    throw usageError(
      [
        `unknown tier ${JSON.stringify(name)}${didYouMean(name, known)}: name one of ${known.join(", ")}, or a module as ./file.js`,
      ],
      command,
    );
  }
  const Tier = await found.load();
  return () => new Tier(instanceId === undefined ? {} : { instanceId });
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
const load = async (file: string, onItself: Naming["onItself"]): Promise<Record<string, unknown> | undefined> => {
  let unsubscribe = () => {};
  const itself = new Promise<undefined>((resolve) => {
    unsubscribe = onLaunched((service, offer) => {
      onItself(service as StargazerService, offer);
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
const fromModule = async (path: string, { command, onItself }: Naming): Promise<Start | undefined> => {
  const file = resolve(path);
  if (!existsSync(file)) throw usageError([`there is no module ${path}`], command);
  // as under `node`: the module is the main one, and the package that it belongs to is the program's
  process.argv[1] = file;
  const module = await load(file, onItself);
  if (module === undefined) return undefined;
  const { default: exported } = module;
  if (isServiceClass(exported)) return () => new exported({});
  if (isService(exported)) return exported;
  throw usageError(
    [
      `the module ${path} exports no service: export a class that extends StargazerService, or an instance, as default, or launch it in the module`,
    ],
    command,
  );
};

/**
 * The service of a tier or a module, not started. Undefined where the module launches its service itself: `onItself` is then called with
 * each, before it boots. Rejects with `SG_ERR_USAGE` and `SG_ERR_CONFIG_INVALID`.
 */
export const serviceOf = (target: string, naming: Naming): Promise<Start | undefined> =>
  isPath(target) ? fromModule(target, naming) : tier(target, naming);

/** A service that was constructed and is not booted. */
export interface Constructed {
  /** as its base class has it */
  readonly own: StargazerService;
  /** the names of the services of its group that it boots after */
  readonly after: readonly string[];
  /** whether its module launches it, so that `node` starts it; otherwise `stargazer run` does */
  readonly isLaunched: boolean;
}

/**
 * Every service of a tier or a module, constructed and never booted. Opens nothing itself; the module may have opened something, so the
 * caller ends the process. What the module prints goes to standard error, and the services log nothing. Rejects with `SG_ERR_CONFIG_INVALID` for a group that `launch`
 * refuses.
 */
export const constructed = async (target: string, command: string): Promise<readonly Constructed[]> => {
  const launched: { readonly given: StargazerService; readonly after: readonly string[] }[] = [];
  const onItself = (given: StargazerService, offer: LaunchOffer) => {
    offer.taken = true;
    launched.push({ given, after: offer.after });
  };
  const restore = divertOutput();
  muteLogs();
  try {
    const start = await serviceOf(target, { command, instanceId: undefined, onItself });
    if (start !== undefined)
      return [{ own: reinsOf(typeof start === "function" ? start() : start), after: [], isLaunched: false }];
    if (launched.some(({ after }) => after.length > 0)) planGroup(launched);
    return launched.map(({ given, after }) => ({ own: reinsOf(given), after, isLaunched: true }));
  } finally {
    restore();
  }
};
