/** What is known of the environment of a container of Kubernetes. */
import type { Checked } from "./finding.ts";
import { at, listAt, textAt } from "./finding.ts";
import type { Given } from "./variables.ts";
import { doubtful, isOpen } from "./variables.ts";

export interface Environment {
  readonly variables: Given;
  /** whether the value of a variable that counts is not known: it comes from elsewhere, or the service does not take it */
  readonly isUnknown: (variable: string) => boolean;
  /** whether no further variable comes from elsewhere */
  readonly isWhole: boolean;
  readonly problems: readonly string[];
}

/** Kubernetes refuses a number and a truth value in place of a text. */
const textProblems = (entries: readonly (readonly [name: string, value: unknown])[]): string[] =>
  entries
    .filter(([, value]) => typeof value === "number" || typeof value === "boolean")
    .map(([name, value]) => `${name} is no text, so Kubernetes refuses the object: write "${value}" in quotes`);

const mapNamed = (name: string | undefined, objects: readonly unknown[]): unknown =>
  objects.find((one) => textAt(one, "kind") === "ConfigMap" && name !== undefined && textAt(one, "metadata", "name") === name);

export const environmentOf = (container: unknown, objects: readonly unknown[], { options }: Checked): Environment => {
  const variables = new Map<string, string | undefined>();
  const problems: string[] = [];
  let isWhole = true;
  for (const source of listAt(container, "envFrom")) {
    const map = mapNamed(textAt(source, "configMapRef", "name"), objects);
    if (map === undefined) isWhole = false;
    const entries = Object.entries((at(map, "data") as object | undefined) ?? {});
    problems.push(...textProblems(entries));
    for (const [key, value] of entries) variables.set((textAt(source, "prefix") ?? "") + key, String(value));
  }
  for (const entry of listAt(container, "env")) {
    const name = textAt(entry, "name") ?? "";
    const value = textAt(entry, "value");
    problems.push(...textProblems([[name, at(entry, "value")]]));
    const isReference = at(entry, "valueFrom") !== undefined || /\$\(/.test(value ?? "");
    variables.set(name, isReference ? undefined : (value ?? ""));
  }
  const doubts = doubtful(options, variables);
  return { variables, isUnknown: (name) => isOpen(variables, name) || doubts.has(name), isWhole, problems };
};
