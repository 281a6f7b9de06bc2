/** `run`: one service in the foreground; what systemd, Kubernetes and `up` start. */
import { fromEnvironment } from "../environment.ts";
import type { InspectChoice } from "../inspector/choice.ts";
import { readChoice } from "../inspector/choice.ts";
import { launch } from "../launch.ts";
import { exitCode } from "../process.ts";
import type { StargazerService } from "../service/service.ts";
import { tiers } from "../tiers/index.ts";
import type { Arguments, Command } from "./command.ts";
import { refuse } from "./command.ts";
import { endEarlySignals } from "./early.ts";
import { onOutputLost } from "./output.ts";
import { printError } from "./print.ts";
import { isPath, serviceOf } from "./service-of.ts";

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
  return (service) => void inspect(service, choice, { print: (line) => printError(`stargazer: ${line}`), keepsAddress: true });
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
    const itself = (service: StargazerService) => {
      endEarlySignals();
      outliveReaders();
      watch(service);
    };
    const start = await serviceOf(target, { command: "run", instanceId, onItself: itself });
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
