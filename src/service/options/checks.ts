/** Reads the options `checks` and `livenessChecks`. */
import type { CheckKind } from "../../../machines/check.machine.ts";
import { unknownKeys } from "../../closest.ts";
import type { Check } from "../../health/source.ts";
import { isRecord } from "../../record.ts";
import type { HealthCheckOptions } from "../types.ts";
import type { NumberRule } from "./readers.ts";
import { longestMs, readNumber, shown } from "./readers.ts";

const rules = {
  intervalMs: { fallback: 1000, min: 10, max: longestMs },
  timeoutMs: { fallback: 1000, min: 1, max: longestMs },
  failures: { fallback: 3, min: 1, max: 1000 },
  successes: { fallback: 1, min: 1, max: 1000 },
} satisfies Record<string, NumberRule>;
type Pace = Record<keyof typeof rules, number>;
const paceNames = Object.keys(rules) as (keyof Pace)[];

/** The pace of a check without one of its own, and that of the check of Redis. */
export const defaultPace = Object.fromEntries(paceNames.map((name) => [name, rules[name].fallback])) as Pace;

const kinds = { checks: "readiness", livenessChecks: "liveness" } as const satisfies Record<string, CheckKind>;
const nameForm = /^[\w.-]{1,64}$/;

type CheckOption = keyof typeof kinds;

/** Whether it is written as an object: a Map, or an instance whose methods are those of its class, has no entries. */
const hasOwnOrNone = (value: object): boolean => {
  const prototype: object | null = Object.getPrototypeOf(value);
  return Object.keys(value).length > 0 || prototype === null || Object.getPrototypeOf(prototype) === null;
};

/** The checks of one option. Appends what is wrong to `problems`. */
export const readChecks = (option: CheckOption, value: unknown, problems: string[]): readonly Check[] => {
  if (value === undefined) return [];
  if (isRecord(value) && hasOwnOrNone(value))
    return Object.entries(value).flatMap(([name, own]) => readCheck(option, name, own, problems));
  problems.push(`${option} must be an object of functions, not ${isRecord(value) ? "one without entries" : shown(value)}`);
  return [];
};

const readCheck = (option: CheckOption, check: string, value: unknown, problems: string[]): Check[] => {
  const source = `${option}.${check.slice(0, 64)}`;
  if (!nameForm.test(check)) problems.push(`${source}: a name has 1 to 64 letters, digits, '.', '_' or '-'`);
  const own: Partial<HealthCheckOptions> = typeof value === "function" ? { check: value as Check["run"] } : optionsOf(value);
  problems.push(...unknownKeys(own, ["check", ...paceNames]).map((problem) => `${source} has an ${problem}`));
  const run = own.check;
  if (typeof run !== "function") {
    problems.push(`${source} must be a function, or an object with one as check, not ${shown(value)}`);
    return [];
  }
  const pace = Object.fromEntries(
    paceNames.map((name) => [name, readNumber(`${source}.${name}`, rules[name], own[name], problems)]),
  );
  return [{ check, kind: kinds[option], run, ...(pace as Pace) }];
};

const optionsOf = (value: unknown): Partial<HealthCheckOptions> => (isRecord(value) ? value : {});
