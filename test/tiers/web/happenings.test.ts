/** What happened, as the page says it: read off the lanes of rows, in the past tense. */
import { expect, it } from "vitest";
import { happeningsOf } from "../../../src/tiers/web/page/happenings.js";
import { pageStates } from "../../../src/tiers/web/page-states.ts";
import type { WireSpan } from "../../../src/tiers/web/wire.ts";
import { wireRow } from "../../../src/tiers/web/wire-row.ts";
import { quickBoot, sceneRow } from "../../kit/fleet-scene.ts";

const states = new Map<string, (typeof pageStates)[number]>(pageStates.map((state) => [state.name, state]));
const sentences = (lane: readonly WireSpan[]): string[] => {
  const row = { ...wireRow(sceneRow(1000, "orders", "a", [{ version: "1", parts: quickBoot }])), lane };
  return happeningsOf([row], { since: 0, count: 20, stateOf: (name) => states.get(name) }).map(({ text }) => text);
};
const span = (state: WireSpan[0], from: number, ready: boolean | null, mark: WireSpan[5] = "none", version = "1"): WireSpan => [
  ...([state, from, from + 100, ready, version, mark] as const),
];

it("readiness is a return only where the same boot was ready before", () => {
  const boot = [
    span("starting", 100, false, "boot"),
    span("healthy", 200, false),
    span("healthy", 300, true),
    span("running", 400, true),
  ];
  expect(sentences(boot)).toEqual(["came to running, 300 ms after its boot began", "began to boot"]);
  const lost = [...boot, span("running", 500, false), span("running", 600, true)];
  expect(sentences(lost).slice(0, 2)).toEqual(["became ready again", "became unready"]);
});

it("a crash loop is one sentence, a release that changes is named, and an end in order is one", () => {
  const end = [span("starting", 100, false, "boot"), span("gone", 200, null, "ended"), span("starting", 300, false, "boot", "2")];
  expect(sentences(end)).toEqual(["began to boot again, now 2", "stopped in order", "began to boot"]);
  const falls = [1, 2, 3].flatMap((n) => [span("starting", n * 100, false, "boot"), span("gone", n * 100 + 50, null, "failed")]);
  expect(sentences(falls)).toEqual(["failed in starting, 3 times in a row", "began to boot"]);
});
