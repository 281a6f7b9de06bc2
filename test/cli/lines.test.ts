/** The lines of `up` where there is no board. */
import { expect, it } from "vitest";
import { createLines } from "../../src/cli/lines.ts";
import type { ServiceView } from "../../src/fleet/index.ts";

const view: ServiceView = {
  ...{ name: "orders", tier: "orders", state: "backingOff", phase: "backingOff", since: 0, pid: undefined },
  ...{
    healthPort: undefined,
    port: undefined,
    restarts: 1,
    nextTryMs: 8000,
    trouble: "exited with code 1",
    cause: "EACCES: permission denied",
  },
};

const printed = (...views: ServiceView[]): string[] => {
  const lines: string[] = [];
  const { write } = createLines((line) => lines.push(line));
  for (const service of views) write({ type: "service.changed", service });
  return lines;
};

it("each death has how the process ended and its cause; a pause has them in the line of the loss", () => {
  expect(printed(view, { ...view, cause: "" }, { ...view, state: "givenUp", phase: "givenUp" })).toEqual([
    "orders died and is started again: exited with code 1: EACCES: permission denied",
    "orders died and is started again: exited with code 1",
    "orders died too often and is given a pause: exited with code 1",
  ]);
});
