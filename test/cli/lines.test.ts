/** The lines of `up` where there is no board. */
import { expect, it } from "vitest";
import { createLines, linesOf } from "../../src/cli/lines.ts";
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

it("each death has how the process ended and its cause; the last one before a pause has them in the line of the loss alone", () => {
  expect(printed(view, { ...view, cause: "" }, { ...view, state: "givenUp", phase: "givenUp" })).toEqual([
    "orders died and is started again: exited with code 1: EACCES: permission denied",
    "orders died and is started again: exited with code 1",
  ]);
  expect(linesOf({ type: "service.lost", service: view, cause: view.cause, retryMs: 600_000 })).toEqual([
    "orders died too often: exited with code 1: EACCES: permission denied",
    "orders is started again in 10 min, the others go on: remove the cause; a restart of the fleet (Ctrl-C, then up) is sooner",
  ]);
});

it("the table at the end has the length of a stop in the unit that suits it", () => {
  const service = { name: "orders", outcome: "shutdown", reason: "SIGTERM", exitCode: 0, ms: 5505, ok: true } as const;
  const [, row] = linesOf({ type: "fleet.stopped", services: [service, { ...service, ms: 150 }] } as never);
  expect(row).toMatch(/ 5\.5 s$/);
});
