/** `stargazer up` with services of a user's own: modules by name or from `stargazer.json`, supervised, on the board and in the registry. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { endCli, openShell } from "../kit/cli.ts";
import { eventually } from "../kit/wait.ts";

const shell = openShell();
afterEach(endCli);
afterAll(() => shell.remove());

const index = new URL("../../dist/src/index.js", import.meta.url).href;
const folder = join(shell.folder, "app");
mkdirSync(folder);
/** Each process counts itself on a key of its own, which the user of the tiers could not write. */
for (const name of ["orders", "billing"])
  writeFileSync(
    join(folder, `${name}.mjs`),
    `import { launch, StargazerService } from ${JSON.stringify(index)};
class Service extends StargazerService {
  async onStart({ redis }) { await redis.incr("shop:${name}"); }
  async run({ signal }) { await new Promise((resolve) => signal.addEventListener("abort", resolve)); }
  onStop() {}
}
await launch(() => new Service({ serviceName: "${name}" }));`,
  );

interface Fact {
  readonly type: string;
  readonly service?: { name: string; state: string; pid: number };
  readonly services?: { name: string; outcome: string; ok: boolean }[];
}
const startUp = (args: string[]) => {
  const up = shell.start(["up", ...args, "--json"], {}, { cwd: folder });
  const facts = (): Fact[] =>
    up
      .out()
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Fact);
  const fact = (what: string, fits: (fact: Fact) => boolean) =>
    eventually(`${what} in ${up.out().slice(-600)} ${up.err()}`, () => facts().find(fits));
  return { up, facts, fact };
};
const entries = async () => {
  const { out } = await shell.run(["fleet", "--json"]);
  return (JSON.parse(out) as { service: string; instance: string; pid: number }[]).map(
    ({ service, instance }) => `${service}/${instance}`,
  );
};
const stop = async (up: ReturnType<typeof startUp>["up"]) => {
  up.child.kill("SIGTERM");
  return (await up.ended).code;
};

describe("up", () => {
  it("starts the modules that are named, with replicas, under stable instance ids, and starts one again that was killed", async () => {
    const { up, facts, fact } = startUp(["./orders.mjs", "./billing.mjs", "--replicas", "orders=2"]);
    await fact("that all run", ({ type }) => type === "fleet.ready");
    expect((await entries()).sort()).toEqual(["billing/billing", "orders/orders-1", "orders/orders-2"]);
    const runs = () =>
      facts().flatMap(({ service }) => (service?.name === "orders-2" && service.state === "running" ? [service.pid] : []));
    const [first] = runs();
    process.kill(first!, "SIGKILL");
    await fact("that it runs again", () => runs().some((pid) => pid !== first));
    expect(await stop(up)).toBe(0);
    const ended = facts().find(({ type }) => type === "fleet.stopped");
    expect(ended?.services?.map(({ name, ok }) => [name, ok])).toEqual([
      ["orders-1", true],
      ["orders-2", true],
      ["billing", true],
    ]);
  });

  it("starts what stargazer.json names, and --replicas counts over it", async () => {
    const services = { shop: { module: "./orders.mjs", replicas: 3 }, billing: { module: "./billing.mjs" } };
    writeFileSync(join(folder, "stargazer.json"), JSON.stringify({ services }));
    const { up, fact } = startUp(["--replicas", "shop=1"]);
    await fact("that all run", ({ type }) => type === "fleet.ready");
    expect((await entries()).sort()).toEqual(["billing/billing", "orders/shop"]);
    expect(await stop(up)).toBe(0);
  });

  it.each([
    [["./no-such.mjs"], "", /there is no module \.\/no-such\.mjs/],
    [["./orders.mjs", "--replicas", "orders=many"], "", /orders needs a whole number of replicas from 1 to 64/],
    [["./orders.mjs", "--replicas", "ordrs=2"], "", /--replicas ordrs: no module has that name \(did you mean orders\?\)/],
    [["./orders.mjs", "./orders.mjs"], "", /two services are called orders/],
    [[], "{", /stargazer\.json cannot be read/],
    [[], "[]", /stargazer\.json must be \{ "services"/],
    [[], '{"services":{"web":{"module":"./orders.mjs"}}}', /\.\/orders\.mjs would be called like the tier web/],
    [[], '{"servces":{}}', /stargazer\.json has an unknown key 'servces' \(did you mean services\?\)/],
    [
      [],
      '{"services":{"shop":{"module":"./orders.mjs","replcias":2}}}',
      /stargazer\.json has an unknown key 'replcias' \(did you mean replicas\?\) for shop/,
    ],
    [[], '{"services":{"shop":{}}}', /stargazer\.json has no module for shop/],
  ])("%j with a stargazer.json of '%s' is refused with every problem, and exits 2", async (args, text, problem) => {
    writeFileSync(join(folder, "stargazer.json"), text || JSON.stringify({ services: { billing: { module: "./billing.mjs" } } }));
    const { code, err } = await shell.start(["up", ...args], {}, { cwd: folder }).ended;
    expect([code, err]).toEqual([2, expect.stringMatching(problem)]);
  });
});
