/** What a check of a deployment finds, and what it checks against. */
import type { Deployed } from "../budgets.ts";

/** One contradiction: where it stands, and what is wrong, with what to do. */
export interface Finding {
  /** in the file: `Deployment orders, container app` */
  readonly where: string;
  readonly problem: string;
}

/** The configuration of what is deployed, before the deployment's own variables. */
export type Checked = Deployed;

/** A value of parsed YAML, read without trust in its shape. */
export const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, key) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return undefined;
    return Object.hasOwn(inner, key) ? (inner as Record<string, unknown>)[key] : undefined;
  }, value);
export const listAt = (value: unknown, ...path: readonly string[]): readonly unknown[] => {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
};
export const textAt = (value: unknown, ...path: readonly string[]): string | undefined => {
  const found = at(value, ...path);
  return typeof found === "string" || typeof found === "number" || typeof found === "boolean" ? String(found) : undefined;
};
/** A number; `fallback` where the field is absent, NaN where it is none. */
export const numberAt = (value: unknown, fallback: number, ...path: readonly string[]): number => {
  const found = at(value, ...path);
  return found === undefined || found === null ? fallback : Number(found);
};
