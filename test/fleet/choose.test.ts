/** Which of several fleets a command is about. */
import { describe, expect, it } from "vitest";
import { fleetAround, fleetNamed } from "../../src/fleet/choose.ts";
import type { FleetNote } from "../../src/fleet/note.ts";

const fleet = (pid: number, cwd: string): FleetNote => ({ pid, cwd, redisUrl: `redis://${pid}`, startedAt: pid });
const [one, two, nested] = [fleet(1, "/srv/shop"), fleet(2, "/srv/blog"), fleet(3, "/srv/blog/next")];

describe("F57: a fleet that is not named", () => {
  it("is none where none runs", () => {
    expect(fleetAround([], "/work")).toBeUndefined();
  });

  it("is the only one, without a message where it was started in this folder or above it", () => {
    expect(fleetAround([one], "/srv/shop")).toEqual({ note: one, notice: undefined });
    expect(fleetAround([one], "/srv/shop/src/deep")).toEqual({ note: one, notice: undefined });
    expect(fleetAround([fleet(4, "/")], "/work")).toMatchObject({ notice: undefined });
  });

  it("is the only one, which is named where it was started elsewhere", () => {
    expect(fleetAround([one], "/srv/shopping")).toEqual({
      note: one,
      notice: "the fleet is 1 (shop, started in /srv/shop)",
    });
  });

  it("is the one of this folder among several, which is named with the others", () => {
    expect(fleetAround([two, one], "/srv/shop")).toEqual({
      note: one,
      notice: "the fleet is 1 (shop, started in /srv/shop); --fleet names another: 2 (blog, started in /srv/blog)",
    });
  });

  it.each([
    ["none of them was started around this folder", [one, two], "/home"],
    ["two of them were", [fleet(5, "/srv/shop"), one], "/srv/shop"],
    ["one was started in this folder and one above it", [two, nested], "/srv/blog/next"],
  ])("is refused where %s, with the names of all", (_, notes, cwd) => {
    const labels = notes.map((note) => `${note.pid} (`).join(".*");
    expect(() => fleetAround(notes, cwd)).toThrow(new RegExp(`^2 fleets run.*--fleet PID: ${labels.replaceAll("(", "\\(")}`));
    expect(() => fleetAround(notes, cwd)).toThrow(expect.objectContaining({ code: "SG_ERR_USAGE" }));
  });
});

describe("F57: a fleet that is named", () => {
  it("is that of the pid, or of the folder's name", () => {
    expect(fleetNamed([one, two], "2")).toBe(two);
    expect(fleetNamed([one, two], "shop")).toBe(one);
  });

  it("is refused where none has that name, with the nearest and all that there are", () => {
    expect(() => fleetNamed([one, two], "shopp")).toThrow("no fleet is called shopp (did you mean shop?): there are 1 (shop,");
    expect(() => fleetNamed([], "shop")).toThrow("no fleet is called shop: no fleet runs here.");
  });

  it("is refused where several have that name", () => {
    expect(() => fleetNamed([one, fleet(6, "/other/shop")], "shop")).toThrow(
      "several fleets are called shop: name one with --fleet PID: 1 (shop, started in /srv/shop), 6 (shop, started in /other/shop).",
    );
  });
});
