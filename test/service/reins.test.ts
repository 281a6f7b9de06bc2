/** F59: a tier that has something of its own under each name of the base class, and what works on services. */
import { afterAll, describe, expect, it } from "vitest";
import { inspect } from "../../src/inspector/inspect.ts";
import { reinsOf } from "../../src/service/reins.ts";
import { StargazerService } from "../../src/service/service.ts";
import { conformance, LifecycleProbe } from "../../src/testing/index.ts";
import { TestTier } from "../kit/tier.ts";
import { untilHolds } from "../kit/wait.ts";

const methods = Object.getOwnPropertyNames(StargazerService.prototype).filter((name) => name !== "constructor");
const names = [...methods.filter((name) => name !== "describe"), "serviceName", "instanceId", "actor"];

class OwnNames extends TestTier {
  constructor(...given: ConstructorParameters<typeof TestTier>) {
    super(...given);
    for (const name of names) Object.defineProperty(this, name, { value: "mine", writable: true, configurable: true });
  }
}

const lines: string[] = [];
const print = (line: string) => void lines.push(line);
const endings: (() => unknown)[] = [];
afterAll(() => Promise.all(endings.map((end) => end())));

describe("F59: a service whose names are all its own", () => {
  it("is driven through its base class, and its own members stay its own", async () => {
    const tier = new OwnNames({ redis: null });
    const own = reinsOf<StargazerService>(tier);
    expect([own.serviceName, own.state]).toEqual(["test", "init"]);
    expect(reinsOf(own)).toBe(own);
    void own.boot();
    await own.waitFor("healthy");
    expect(await own.shutdown("enough")).toMatchObject({ outcome: "shutdown", reason: "enough" });
    expect(tier.shutdown).toBe("mine");
  });

  it("has a page, and a probe that follows it", async () => {
    const tier = new OwnNames({ redis: null });
    const probe = new LifecycleProbe(tier);
    const inspection = inspect(tier, { kind: "page", port: 0 }, { print });
    endings.push(() => inspection.close());
    const url = new URL((await inspection.url) ?? "");
    expect(lines).toEqual([`inspector at ${url}`]);
    const headers = { authorization: `Bearer ${url.hash.slice(1)}` };
    const own = reinsOf<StargazerService>(tier);
    const ended = own.runToCompletion();
    await probe.state("running");
    expect((await fetch(new URL("/command/shutdown", url), { method: "POST", headers })).status).toBe(202);
    expect(await ended).toMatchObject({ outcome: "shutdown" });
    await untilHolds(() => expect(probe.states.at(-1)).toBe("stopped"));
  });

  it("is tried by the conformance kit as any other", async () => {
    const report = await conformance((options) => new OwnNames(options), { redis: false, only: ["run and stop"] });
    expect(String(report)).toContain("conforms");
    expect(report.passed).toBe(true);
  });
});
