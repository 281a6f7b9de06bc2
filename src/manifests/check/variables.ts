/** Checks the variables of a deployment: values that the service refuses, and values without effect. */
import { meantVariable, unknownVariable } from "../../closest.ts";
import { isUnknownVariable } from "../../environment.ts";
import type { EffectiveOption } from "../../service/options/configuration.ts";

const isWholeNumber = (text: string | undefined): boolean => text === undefined || text === "" || /^\s*\d{1,16}\s*$/.test(text);

/** Variables as a file has them; undefined is a value that something else fills in. */
export type Given = ReadonlyMap<string, string | undefined>;

/** Whether the variable has a value that the file does not show. */
export const isOpen = (variables: Given, name: string): boolean => variables.has(name) && variables.get(name) === undefined;

/** Without the values that have something to be filled in. */
export const settled = (entries: Iterable<readonly [name: string, value: string]>, placeholder: string): Given =>
  new Map([...entries].map(([name, value]) => [name, value.includes(placeholder) ? undefined : value]));

/** The assignments of a line, each with or without quotes, as a unit and a Dockerfile have them. */
export const assignmentsIn = (line: string): ReadonlyMap<string, string> =>
  new Map(
    [...line.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|((?:[^\s"']|"[^"]*"|'[^']*')+)/g)]
      .map(([, double, single, plain]) => (double ?? single ?? plain ?? "").replaceAll(/["']/g, ""))
      .filter((entry) => entry.includes("="))
      .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );

const nameProblems = (names: Iterable<string>): string[] => [...names].filter(isUnknownVariable).map(unknownVariable);

/** Numbers that are none, and figures that the constructor of the service would refuse together. */
const valueProblems = (options: readonly EffectiveOption[], variables: Given): string[] => {
  const found: string[] = [];
  const values = new Map<string, number>();
  for (const { option, value, source, variable } of options) {
    if (typeof value !== "number") continue;
    const text = source === "option" || variable === null ? undefined : variables.get(variable);
    const isNumber = isWholeNumber(text);
    if (!isNumber) found.push(`${variable} (${option}) must be a whole number, not ${JSON.stringify(text)}: the boot is refused`);
    values.set(option, isNumber && text ? Number(text) : value);
  }
  const of = (name: string): number => values.get(name) ?? 0;
  if (of("drainDelayMs") >= of("shutdownTimeoutMs"))
    found.push(
      `SG_DRAIN_DELAY_MS (${of("drainDelayMs")}) must be less than SG_SHUTDOWN_TIMEOUT_MS (${of("shutdownTimeoutMs")}): the boot is refused`,
    );
  if (of("heartbeatMs") * 3 > of("leaseTtlMs"))
    found.push(
      `SG_HEARTBEAT_MS (${of("heartbeatMs")}) must be at most a third of SG_LEASE_TTL_MS (${of("leaseTtlMs")}): the boot is refused`,
    );
  if (of("readinessBlockMs") > of("livenessBlockMs"))
    found.push(
      `SG_READINESS_BLOCK_MS (${of("readinessBlockMs")}) must be at most SG_LIVENESS_BLOCK_MS (${of("livenessBlockMs")}): the boot is refused`,
    );
  return found;
};

/**
 * Without those that the boot refuses, and without the effect of those that they may stand for: such a fault is named once, not again
 * for what follows from it.
 */
export const doubtful = (options: readonly EffectiveOption[], variables: Given): ReadonlySet<string> =>
  new Set([
    ...[...variables.keys()].filter(isUnknownVariable).map((name) => meantVariable(name) ?? ""),
    ...options.flatMap(({ value, variable }) =>
      variable !== null && typeof value === "number" && !isWholeNumber(variables.get(variable)) ? [variable] : [],
    ),
  ]);

/** A program's own option wins over the variable, which then has no effect. */
const fixedProblems = (options: readonly EffectiveOption[], variables: Given): string[] =>
  options
    .filter(
      ({ source, variable, value }) =>
        source === "option" && variable !== null && (variables.get(variable) ?? String(value)) !== String(value),
    )
    .filter(({ value }) => typeof value === "number")
    .map(({ option, variable, value }) => `${variable} has no effect: the program sets ${option} itself (${value})`);

export const variableProblems = (options: readonly EffectiveOption[], variables: Given): string[] => [
  ...nameProblems(variables.keys()),
  ...valueProblems(options, variables),
  ...fixedProblems(options, variables),
];
