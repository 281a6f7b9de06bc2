/** The command line: finds the command, prints help, turns each error into one line and an exit code. */
import { cleanLines } from "../clean.ts";
import { didYouMean, unknownInEnvironment } from "../closest.ts";
import { unknownVariables } from "../environment.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { announceReport, exit, exitCode, setExitCode } from "../process.ts";
import { version } from "../version.ts";
import type { Command } from "./command.ts";
import { parse, usageError } from "./command.ts";
import { beginEarlySignals } from "./early.ts";
import { watchOutput } from "./output.ts";
import { print, printError } from "./print.ts";

/** Each is loaded when it is called, so that `run` does not load the others. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import("./up.ts")).up,
  run: async () => (await import("./run.ts")).run,
  fleet: async () => (await import("./fleet.ts")).fleet,
  why: async () => (await import("./why.ts")).why,
  chat: async () => (await import("./chat.ts")).chat,
  dlq: async () => (await import("./dlq.ts")).dlq,
  inspect: async () => (await import("./inspect.ts")).inspect,
  replay: async () => (await import("./replay.ts")).replay,
  config: async () => (await import("./config.ts")).config,
  manifests: async () => (await import("./manifests.ts")).manifests,
  telemetry: async () => (await import("./telemetry.ts")).telemetry,
  machines: async () => (await import("./machines.ts")).machines,
};
const names = Object.keys(commands);
const helpOption = { help: { type: "boolean", short: "h" } } as const;

const overview = async (): Promise<string[]> => {
  const [{ overviewOf }, ...all] = await Promise.all([import("./help.ts"), ...names.map((name) => commands[name]!())]);
  return overviewOf(all);
};

/** Commands that start services. A signal that arrives while such a command is loaded stops it as well. */
const services = ["run", "up"];

/** `run` launches its service, which names them itself. */
const nameUnknownVariables = (command: string): void => {
  const found = command === "run" ? [] : unknownVariables();
  if (found.length > 0) printError(`stargazer: ${unknownInEnvironment(found)}`);
};

const runCommand = async (name: string, argv: readonly string[]): Promise<number> => {
  if (services.includes(name)) beginEarlySignals();
  const command = await commands[name]!();
  const args = parse(argv, { ...command.options, ...helpOption }, command.optionalValues);
  if (args.has("help")) {
    const { helpOf } = await import("./help.ts");
    print(helpOf(command));
    return 0;
  }
  nameUnknownVariables(name);
  return command.run(args);
};

const main = async (argv: readonly string[]): Promise<number> => {
  const [name, ...rest] = argv;
  if (name === "--version" || name === "-v") {
    print(version());
    return 0;
  }
  const [about] = rest;
  if (name === "help" && about !== undefined && Object.hasOwn(commands, about)) return runCommand(about, ["--help"]);
  if (name === "--help" || name === "-h" || name === "help") {
    print(await overview());
    return 0;
  }
  if (name === undefined) throw usageError([`name a command: ${names.join(", ")}`]);
  if (!Object.hasOwn(commands, name)) throw usageError([`unknown command ${JSON.stringify(name)}${didYouMean(name, names)}`]);
  return runCommand(name, rest);
};

/** 2 for wrong usage and wrong configuration, 1 for any other failure. */
const exitCodeOf = (error: unknown): number =>
  error instanceof StargazerError && (error.code === "SG_ERR_USAGE" || error.code === "SG_ERR_CONFIG_INVALID") ? 2 : 1;

/** One line; the stack too where the CLI itself failed. */
const linesOf = (error: unknown): string[] =>
  error instanceof StargazerError
    ? [`stargazer: ${error.code} ${error.message}`]
    : cleanLines(`stargazer: SG_ERR_INTERNAL ${(error as Error)?.stack ?? messageOf(error)}`);

/** Exits at once: the command has closed its own resources, and those of a module that failed to load are not its to close. */
const fail = (error: unknown): never => {
  const code = exitCodeOf(error);
  printError(linesOf(error));
  announceReport({ outcome: "failed", reason: messageOf(error), exitCode: code, error });
  setExitCode(code);
  return exit(exitCode());
};

watchOutput();
main(process.argv.slice(2)).then(setExitCode, fail);
