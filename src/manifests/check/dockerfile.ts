/** Checks a Dockerfile: what its last stage has, with what that stage takes from those before it. */
import { budgetsOf } from "../budgets.ts";
import { problemOfWords, wordsOf } from "./command.ts";
import type { Checked } from "./finding.ts";
import type { HealthCheck } from "./health-check.ts";
import { healthCheckProblems } from "./health-check.ts";
import { signalProblems } from "./signals.ts";
import type { Given } from "./variables.ts";
import { assignmentsIn, settled, variableProblems } from "./variables.ts";

type Instruction = readonly [name: string, text: string];

/** Without comments and the texts of heredocs; lines that are continued are joined. */
const instructionsIn = (text: string): Instruction[] =>
  text
    .replaceAll(/^\s*#.*(?:\r?\n|$)/gm, "")
    .replaceAll(/<<-?(["']?)(\w+)\1(.*)\r?\n(?:.*\r?\n)*?\s*\2[ \t]*(?=\r?\n|$)/g, "$3")
    .replaceAll(/[\\`][ \t]*\r?\n\s*/g, " ")
    .split(/\r?\n/)
    .flatMap((line): Instruction[] => {
      const [, name, rest = ""] = /^\s*([A-Za-z]+)\s+(.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name.toUpperCase(), rest.trim()]];
    });

/** Of the last stage, behind those of the stage that it is made from; its own ENTRYPOINT takes back the CMD of that one. */
const lastStageOf = (all: readonly Instruction[]): readonly Instruction[] => {
  const stages = new Map<string, readonly Instruction[]>();
  let [base, own]: (readonly Instruction[])[] = [[], []];
  let name = "";
  for (const instruction of all) {
    const [kind, text] = instruction;
    if (kind === "FROM") {
      const [, from = "", as = ""] = /^(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(text) ?? [];
      [base, own, name] = [stages.get(from.toLowerCase()) ?? [], [], as.toLowerCase()];
    } else own = [...own!, instruction];
    if (kind === "ENTRYPOINT") base = base!.filter(([one]) => one !== "CMD");
    stages.set(name, [...base!, ...own!]);
  }
  return [...base!, ...own!];
};

const formOf = (text: string): { readonly words: readonly string[]; readonly isShell: boolean } => {
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed)) return { words: parsed.map(String), isShell: false };
  } catch {
    // the form of a shell
  }
  return { words: ["sh", "-c", text], isShell: true };
};

/** What ENV sets, in both of its forms. */
const variablesIn = (instructions: readonly Instruction[]): Given =>
  settled(
    instructions
      .filter(([name]) => name === "ENV")
      .flatMap(([, rest]): (readonly [string, string])[] =>
        /^\w+=/.test(rest) ? [...assignmentsIn(rest)] : [[rest.split(/\s/, 1)[0]!, rest.replace(/^\S+\s*/, "")]],
      ),
    "$",
  );

const healthCheckOf = (text: string): HealthCheck => {
  const option = (name: string): string | undefined => new RegExp(`--${name}=(\\S+)`).exec(text)?.[1];
  return {
    test: wordsOf(text.replace(/^(?:--\S+\s+)*(?:CMD\s+)?/i, "")),
    startPeriod: option("start-period"),
    interval: option("interval"),
    retries: option("retries"),
  };
};

export const dockerfileProblems = (text: string, checked: Checked): string[] => {
  const instructions = lastStageOf(instructionsIn(text));
  const last = (name: string): string | undefined => instructions.findLast(([one]) => one === name)?.[1];
  const variables = variablesIn(instructions);
  const [entry, command] = [last("ENTRYPOINT"), last("CMD")].map((line) => (line === undefined ? undefined : formOf(line)));
  const words =
    entry === undefined ? (command?.words ?? []) : entry.isShell ? entry.words : [...entry.words, ...(command?.words ?? [])];
  const signals = problemOfWords(words);
  const check = last("HEALTHCHECK");
  return [
    ...variableProblems(checked.options, variables),
    ...(signals === undefined ? [] : [signals]),
    ...signalProblems(last("STOPSIGNAL"), "STOPSIGNAL "),
    ...(check === undefined ? [] : healthCheckProblems(healthCheckOf(check), budgetsOf(checked, variables), variables)),
  ];
};
