/** `why` and `fleet` over the instances of a generated fleet: one sentence each, exit codes, what is listed and what is watched. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { registryKeys } from "../../src/registry/keys.ts";
import { endCli, openShell } from "../kit/cli.ts";
import { notReady } from "../kit/fleet-entries.ts";
import { FleetGenerator } from "../kit/fleet-generator.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";

const shell = openShell();
let redis: TestRedis;
let fleet: FleetGenerator;
beforeAll(async () => {
  redis = await startTestRedis();
});
beforeEach(async () => {
  await redis.witness.flushall();
  fleet = new FleetGenerator(redis.witness, { leaseTtlMs: 120_000, services: ["gateway", "inference"] });
});
afterEach(endCli);
afterAll(async () => {
  shell.remove();
  await redis.stop();
});
const run = (...args: string[]) => shell.run([...args, "--redis", redis.url]);

describe("why", () => {
  it("prints one sentence and exits 0 where the instance is ready", async () => {
    await fleet.boot(fleet.add(2));
    expect(await run("why", "gateway")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^ready: running for .+\n$/),
      err: "",
    });
  });

  it("exits 1 where one of several is not ready, with a line each", async () => {
    const [one, other, third] = fleet.add(3) as [never, never, never];
    await fleet.boot([one, other]);
    await fleet.start([third]);
    await fleet.write([one], () => [notReady("the check 'disk' failed: full, 3 times in a row")]);
    const { code, out } = await run("why", "gateway");
    expect(code).toBe(1);
    expect(out).toMatch(
      /^gateway\/gateway-1: not ready: the check 'disk' failed: full, 3 times in a row\ngateway\/gateway-2: not ready: onStart is in 'model' for .+ of 60 s\n$/,
    );
    expect((await run("why", "inference")).code).toBe(0);
    expect(await run("why", "gateway/gateway-2")).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^not ready: onStart is in 'model'/),
    });
  });

  it("prints how an instance ended, as JSON too", async () => {
    const dead = fleet.add(1);
    await fleet.boot(dead);
    await fleet.exited(dead, { nextTryAt: 9_000_000_000_000, tries: 4 });
    const { code, out } = await run("why", "gateway", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject([
      {
        kind: "failed",
        ready: false,
        parent: { signal: "SIGKILL", tries: 4 },
        sentence: expect.stringMatching(/^failed .+ ago in 'running': killed by SIGKILL; died 4 times, next try in /),
      },
    ]);
  });

  it("prints the end of an instance that was killed while no reader watched, and so does fleet", async () => {
    const one = fleet.add(1);
    await fleet.boot(one);
    fleet.kill(one);
    const keys = registryKeys(redis.witness);
    // as a TTL later
    const later = Date.now() - 60_000;
    await redis.witness.multi().del(keys.service("gateway", "gateway-1")).zadd(keys.index("gateway"), later, "gateway-1").exec();
    expect(await run("why", "gateway")).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^expired .* ago, last seen in 'running': its lease ended\n$/),
    });
    const listed = JSON.parse((await run("fleet", "--all", "--json")).out);
    expect(listed).toMatchObject([{ instance: "gateway-1", kind: "expired", ready: false }]);
  });

  it("says that the journal is missing where it cannot be read, and so does fleet", async () => {
    await fleet.boot(fleet.add(1));
    const { journal } = registryKeys(redis.witness);
    await redis.witness.del(journal);
    await redis.witness.set(journal, "of another program");
    for (const command of [["why", "gateway"], ["fleet"]])
      expect((await run(...command)).err).toMatch(
        /the journal cannot be read, so instances that boot or have ended are missing: .+/,
      );
  });

  it("suggests the closest service for an unknown name, and so does inspect", async () => {
    await fleet.boot(fleet.add(2));
    expect(await run("why", "gatewy")).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /SG_ERR_REGISTRY gatewy is not known in .* \(did you mean gateway\?\): there are gateway, inference/,
      ),
    });
    expect((await run("inspect", "gatewy")).err).toMatch(/gatewy is not registered in .* \(did you mean gateway\?\)/);
    expect((await run("why", "gateway/gatway-1")).err).toContain("(did you mean gateway-1?)");
  });

  it.each([[["why"]], [["why", "a", "b"]], [["why", "gateway", "--jsn"]]])("%j exits 2", async (args) => {
    expect(await run(...args)).toMatchObject({ code: 2, out: "" });
  });
});

describe("fleet", () => {
  it("shows state, release, readiness and the reason, also of one that failed a short while ago; with --all those that were stopped too", async () => {
    const [living, starting, dead] = fleet.add(3, "3.1.0").map((one) => [one]) as [never, never, never];
    await fleet.boot(living);
    await fleet.start(starting);
    await fleet.start(dead);
    await fleet.fail(dead, "EACCES");
    const { out, code } = await run("fleet");
    expect(code).toBe(0);
    expect(out).toMatch(/^SERVICE +STATE +FOR +READY +RELEASE .*WHY$/m);
    expect(out).toMatch(/^gateway +running .* yes +3\.1\.0 +10\.0\.0\.1:9090 +4242 .*gateway-1$/m);
    expect(out).toMatch(/^inference +starting .* no +3\.1\.0 .*inference-1 +not ready: onStart is in 'model' for/m);
    expect(out).toMatch(/^gateway +stopped .*gateway-2 +failed .* ago: EACCES \(in 'starting'\)$/m);
    expect((await run("fleet", "--json")).out).not.toContain("gateway-2");
    await fleet.stop(living);
    expect((await run("fleet")).out).not.toContain("gateway-1");
    expect((await run("fleet", "--all")).out).toContain("gateway-1");
  });

  it("names --all where each service has ended", async () => {
    const all = fleet.add(2);
    await fleet.boot(all);
    await fleet.stop(all);
    expect(await run("fleet")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^no service is registered in redis:.*; --all lists those that ended\n$/),
    });
  });

  it("--watch prints a boot before it is registered, readiness with its reason, and a death", async () => {
    const watching = shell.start(["fleet", "--watch", "--redis", redis.url]);
    await watching.line("that it is in step", (line) => line.includes("in the registry"));
    const one = fleet.add(1);
    await fleet.start(one);
    await watching.line("the boot", (line) => / booting +gateway\/gateway-1 {2}not ready: onStart is in 'model'/.test(line));
    await fleet.boot(one);
    await watching.line("that it is ready", (line) => / ready +gateway\/gateway-1 /.test(line));
    await fleet.write(one, () => [notReady("a check")]);
    await watching.line("that it is not", (line) => / not ready +gateway\/gateway-1 {2}not ready: a check/.test(line));
    await fleet.exited(one);
    await watching.line("its death", (line) => / failed +gateway\/gateway-1 {2}failed .* killed by SIGKILL/.test(line));
    watching.child.kill("SIGINT");
    expect(await watching.ended).toMatchObject({ code: 0, err: "" });
  });
});
