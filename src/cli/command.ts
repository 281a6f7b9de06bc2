/** The form of a command, and the reading of its arguments: all problems at once, before anything is opened. */
import type { ParseArgsConfig } from "node:util";
import { parseArgs } from "node:util";
import { didYouMean } from "../closest.ts";
import { StargazerError } from "../errors.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

export interface Command {
  readonly name: string;
  /** one line for the list of commands */
  readonly summary: string;
  /** what follows `stargazer <name>` */
  readonly synopsis: string;
  /** what each argument means, as a pair, and sentences of the whole */
  readonly details: readonly (string | readonly [argument: string, meaning: string])[];
  readonly options: Options;
  /** boolean options that may also have a value: `--inspect`, `--inspect=stately` */
  readonly optionalValues?: readonly string[];
  /** Throws `SG_ERR_USAGE` for wrong arguments before it opens anything; resolves with the exit code. */
  run(args: Arguments): Promise<number>;
}

export interface Arguments {
  readonly positionals: readonly string[];
  /** the option's value; the last one if it was given more than once */
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  has(name: string): boolean;
  /** Problems of the options; a command adds its own and then calls `refuse`. */
  readonly problems: string[];
}

export const usageError = (problems: readonly string[], command?: string): StargazerError =>
  new StargazerError(
    "SG_ERR_USAGE",
    `${problems.join("; ")}. See: stargazer ${command === undefined ? "" : `${command} `}--help`,
  );

/** Throws `SG_ERR_USAGE` with all problems in one line, if there are any. */
export const refuse = ({ problems }: Arguments, command: Command): void => {
  if (problems.length > 0) throw usageError(problems, command.name);
};

interface OptionToken {
  readonly kind: "option";
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

const problemOf = (token: OptionToken, options: Options, optionalValues: readonly string[]): string | undefined => {
  const option = options[token.name];
  if (option === undefined) {
    const known = Object.keys(options).map((name) => `--${name}`);
    return `unknown option ${token.rawName}${didYouMean(token.rawName, known)}`;
  }
  const isMissing = token.value === undefined || token.value === "" || (token.value.startsWith("-") && !token.inlineValue);
  if (option.type === "string" && isMissing) return `${token.rawName} needs a value`;
  if (option.type === "boolean" && token.value !== undefined && !optionalValues.includes(token.name))
    return `${token.rawName} takes no value`;
  return undefined;
};

/** The problem of a first word that is none of `known`: with the nearest one, and all of them. */
export const unknownWord = (noun: string, word: string, known: readonly string[]): string => {
  const all = `name one of ${known.join(", ")}`;
  return word === "" ? all : `unknown ${noun} ${JSON.stringify(word)}${didYouMean(word, known)}: ${all}`;
};

/** Adds a problem for a positional argument; for commands that take options only. */
export const refusePositionals = ({ positionals, problems }: Arguments, hint = ""): void => {
  if (positionals.length > 0) problems.push(`unexpected argument ${JSON.stringify(positionals[0])}${hint}`);
};

/** Reads what follows the command's name. */
export const parse = (argv: readonly string[], options: Options, optionalValues: readonly string[] = []): Arguments => {
  const { values, positionals, tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given = tokens.filter((token) => token.kind === "option") as OptionToken[];
  const found = given.map((token) => ({ name: token.name, problem: problemOf(token, options, optionalValues) }));
  // an option has one problem: where its value is missing, no value is judged
  const isRefused = (name: string) => found.some((each) => each.name === name && each.problem !== undefined);
  const textsOf = (name: string) =>
    isRefused(name) ? [] : [values[name] ?? []].flat().filter((value) => typeof value === "string");
  return {
    positionals,
    problems: found.flatMap(({ problem }) => problem ?? []),
    texts: textsOf,
    text: (name) => textsOf(name).at(-1),
    has: (name) => values[name] === true,
  };
};

/** Options that more than one command has. */
export const redisOption = { redis: { type: "string" } } as const;
export const jsonOption = { json: { type: "boolean" } } as const;
export const jsonDetail = ["--json", "prints JSON, for programs"] as const;
