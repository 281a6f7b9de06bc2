/** The verdict on the fleet: its headline, its mark and its cards, for fleets in which services have stopped, died, or die again and again. */
import { describe, expect, it } from "vitest";
import { downServices } from "../../../src/instances/down.ts";
import type { Row } from "../../../src/instances/row.ts";
import { cardsOf, verdictOf } from "../../../src/tiers/web/page/sentences.js";
import { pageStates } from "../../../src/tiers/web/page-states.ts";
import { wireRow } from "../../../src/tiers/web/wire-row.ts";
import { quickBoot, sceneRow } from "../../kit/fleet-scene.ts";
import { crashLoop, five, gone } from "../../kit/fleet-scenes.ts";

const now = 1_800_000_000_000;
const states = new Map<string, (typeof pageStates)[number]>(pageStates.map((state) => [state.name, state]));
const stateOf = (name: string) => states.get(name);

/** What the page says of these rows; `awayMs`: how long ago they were up to date. */
const said = (rows: readonly Row[], awayMs = 0) => {
  const wire = rows.map(wireRow);
  const groups = [...new Set(wire.map(({ service }) => service))].map((name) => wire.filter(({ service }) => service === name));
  const downs = new Map(downServices(rows).map((down) => [down.service, down]));
  const moment = { now, stateOf, isPast: awayMs > 0 };
  const cards = cardsOf(groups, downs, moment);
  return { ...verdictOf({ rows: wire, cards, rollouts: [], moment, staleFor: awayMs }), cards };
};

const ended = (service: string, outcome: string, agoMs: number, more: Partial<Row> = {}): Row =>
  sceneRow(
    now - agoMs + 1000,
    service,
    `${service}-1`,
    [
      {
        version: "1.0.0",
        parts: [...quickBoot, ["running", 60_000]],
        end: {
          mark: outcome === "failed" ? "died" : "ended",
          outcome,
          cause: outcome === "failed" ? "EACCES: /models" : "",
          pauseMs: 1000,
        },
      },
    ],
    { end: { outcome, reason: "SIGTERM", at: now - agoMs, steps: {} }, ...more },
  );

describe("the verdict", () => {
  it("names a service whose last instance failed or was lost, whatever the others do", () => {
    expect(said([...five(now), gone(now, "orders", "orders-1", 60_000)])).toMatchObject({
      mark: "bad",
      headline: "5 ready, orders is down",
    });
    const two = said([...five(now), gone(now, "orders", "orders-1", 60_000), ended("billing", "failed", 7_200_000)]);
    expect(two.headline).toBe("5 ready, 2 services are down");
    expect(two.cards.map(({ need }) => [need.name, need.kind])).toEqual([
      ["orders", "bad"],
      ["billing", "bad"],
    ]);
    expect(two.cards[1]!.need).toMatchObject({ title: expect.stringMatching(/^is down since \d\d:/), why: "EACCES: /models" });
    expect(said([...five(now), gone(now, "orders", "orders-1", 60_000)], 5000).headline).toBe(
      "5 were ready, orders was down, 5.0 s ago",
    );
  });

  it("names a service that dies at each boot also while it boots, and once", () => {
    const { headline, cards, gist } = said([...five(now), crashLoop(now, "orders", "orders-1")]);
    expect(headline).toBe("5 ready, orders is down");
    expect(cards).toHaveLength(1);
    expect(gist).toMatch(/^orders dies in starting, \d times in \d min: .*EACCES/);
  });

  it("names a service whose only instance boots again, however long ago the boot before it died", () => {
    const died = { mark: "died", outcome: "failed", cause: "EACCES: /models", pauseMs: 3_000_000 } as const;
    const parts = [["starting", 400]] as const;
    const row = sceneRow(now, "orders", "orders-1", [
      { version: "1.0.0", parts, end: died },
      { version: "1.0.0", parts },
    ]);
    expect(said([...five(now), row]).headline).toBe("5 ready, orders is down");
  });

  it("counts an instance that its parent starts again soon as one that is not ready", () => {
    const died = { mark: "died", outcome: "failed", cause: "killed by SIGKILL" } as const;
    const killed = (nextTryAt: number | null) =>
      sceneRow(now, "gateway", "gateway-2", [{ version: "3.0.0", parts: [["running", 9000]], end: died }], {
        parent: { exitCode: null, signal: "SIGKILL", nextTryAt, tries: 1 },
        end: { outcome: "failed", reason: "killed by SIGKILL", at: now, steps: {} },
      });
    expect(said([...five(now), killed(now + 400)]).headline).toBe("5 of 6 ready");
    for (const nextTryAt of [null, now - 60_000]) expect(said([...five(now), killed(nextTryAt)]).headline).toBe("All 5 ready");
  });

  it("is no alarm where every instance of a service has stopped in order", () => {
    const stopped = ended("orders", "shutdown", 300_000);
    expect(said([...five(now), stopped])).toMatchObject({ mark: "good", headline: "All 5 ready", cards: [] });
    const replaced = [gone(now - 7_000_000, "orders", "orders-2", 200_000), stopped];
    expect(said([...five(now), ...replaced])).toMatchObject({ mark: "good", headline: "All 5 ready" });
    expect(said([stopped])).toMatchObject({
      mark: "odd",
      headline: "Nothing runs",
      gist: "The last instance stopped in order 5 min ago.",
    });
  });

  it("is no alarm while the next boot of a service that was stopped is on its way", () => {
    const booting = sceneRow(now, "orders", "orders-2", [{ version: "1.0.1", parts: [["jitter", 100]] }]);
    expect(said([...five(now), ended("orders", "shutdown", 1000), booting])).toMatchObject({
      headline: "5 of 6 ready",
      cards: [],
    });
  });
});
