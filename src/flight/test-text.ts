/** A recording as the text of a test that drives the chart the same way: to be changed into what should have happened. */
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

const inComment = (text: string): string => text.replace(/[\r\n\u2028\u2029]/g, " ");

/** Only for a recording that is whole: a chart cannot be driven from the middle of a life. */
export const testText = (recording: FlightRecording, style: TestStyle): string => {
  const { service, instance, writtenAt, end, settings } = recording;
  const isEqual = checks[style];
  const title = `${service}: ${end === null ? "not stopped" : `${end.outcome} (${end.reason})`}`;
  return [
    ...heads[style],
    'import { driveLifecycle } from "stargazer/testing";',
    "",
    inComment(`// recorded from ${service}/${instance} at ${new Date(writtenAt).toISOString()}`),
    `const settings = ${JSON.stringify(settings, undefined, 2)};`,
    "",
    "/** each event, and where it led */",
    "const way = [",
    ...wayOf(recording).map(({ event, path }) => `  [${JSON.stringify(event)}, ${JSON.stringify(path)}],`),
    "];",
    "",
    `test(${JSON.stringify(title)}, () => {`,
    "  const { paths, outcome } = driveLifecycle(settings, way.map(([event]) => event));",
    `  ${isEqual("paths", "way.map(([, path]) => path)")}`,
    `  ${isEqual("outcome", end === null ? "undefined" : JSON.stringify(end.outcome))}`,
    "});",
    "",
  ].join("\n");
};
