/** A recording as the text of a test that drives the chart along the recorded path, to be edited into the path that was expected. */
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

/** The recording has to be whole (`dropped` is 0): the chart can only be driven from its beginning. */
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
    "/** each event, and the path after it */",
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
