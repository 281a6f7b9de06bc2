/** A recording as the text of a test that drives the chart along the recorded path, to be edited into the path that was expected. */
import { cleanLine, escaped } from "../clean.ts";
import { wayOf } from "./drive.ts";
import type { FlightRecording } from "./recording.ts";

export type TestStyle = "node" | "vitest";
export const testStyles: readonly TestStyle[] = ["node", "vitest"];

const heads: Readonly<Record<TestStyle, readonly string[]>> = {
  node: ['import assert from "node:assert/strict";', 'import { test } from "node:test";'],
  vitest: ['import { expect, test } from "vitest";'],
};

const checks: Readonly<Record<TestStyle, (given: string, wanted: string) => string>> = {
  node: (given, wanted) => `assert.deepEqual(${given}, ${wanted});`,
  vitest: (given, wanted) => `expect(${given}).toEqual(${wanted});`,
};

/** Nothing in the text looks like something else than it is. */
const literal = (value: unknown, indent?: number): string => escaped(JSON.stringify(value, undefined, indent));

/** The recording has to be whole (`dropped` is 0): the chart can only be driven from its beginning. */
export const testText = (recording: FlightRecording, style: TestStyle): string => {
  const { service, instance, writtenAt, end, settings } = recording;
  const isEqual = checks[style];
  const title = `${service}: ${end === null ? "not stopped" : `${end.outcome} (${end.reason})`}`;
  return [
    ...heads[style],
    'import { driveLifecycle } from "stargazer/testing";',
    "",
    cleanLine(`// recorded from ${service}/${instance} at ${new Date(writtenAt).toISOString()}`),
    `const settings = ${literal(settings, 2)};`,
    "",
    "/** each event, and the path after it */",
    "const way = [",
    ...wayOf(recording).map(({ event, path }) => `  [${literal(event)}, ${literal(path)}],`),
    "];",
    "",
    `test(${literal(title)}, () => {`,
    "  const { paths, outcome } = driveLifecycle(settings, way.map(([event]) => event));",
    `  ${isEqual("paths", "way.map(([, path]) => path)")}`,
    `  ${isEqual("outcome", end === null ? "undefined" : literal(end.outcome))}`,
    "});",
    "",
  ].join("\n");
};
