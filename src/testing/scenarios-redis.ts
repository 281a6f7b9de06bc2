/** Lives in which Redis goes away, and comes back. */
import { isRunning } from "../../machines/index.ts";
import { closeRedis, openRedis } from "../redis/connection.ts";
import { listenersOf, newListeners } from "./listeners.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";
import type { TestRedis } from "./test-redis.ts";
import type { Trial } from "./trial.ts";

/** ms until the entry has to be back after Redis is: a reconnect waits up to 2 s, and so does a lost write */
const recoveryMs = 10_000;

/** A running service outlives a fault: it stays in running and is registered again. */
const survives = (fault: string, play: (redis: TestRedis, trial: Trial) => Promise<void>): Scenario => ({
  name: `Redis ${fault} while running`,
  claim: `it stays in running while Redis is ${fault}, is registered again afterwards, and stops as ever`,
  needsRedis: true,
  async play(stage) {
    const trial = stage.make();
    if (!(await trial.works())) return stage.expect(false, `it never came to running: ${await trial.why()}`);
    await play(stage.redis!, trial);
    const isBack = await trial.runsRegistered(recoveryMs);
    const { state } = trial.service;
    if (!isRunning(state))
      stage.expect(
        false,
        `it did not stay in running, but came to ${state}: ${await trial.why()}. What Redis is asked for in run may reject: catch it, and go on.`,
      );
    else stage.expect(isBack, `it was not registered again within ${recoveryMs} ms`);
  },
});

/** A running service is stopped while Redis does not answer. */
const stopsWhile = (fault: string, harm: (redis: TestRedis) => void | Promise<void>): Scenario => ({
  name: `Redis ${fault} while stopping`,
  claim: `it stops within its budget while Redis is ${fault}, and leaves nothing behind`,
  needsRedis: true,
  async play(stage) {
    const trial = stage.make();
    await trial.works();
    await harm(stage.redis!);
    await trial.stop();
    await stage.judge({ slowStop: true });
  },
});

const borrowed = async (stage: Stage): Promise<void> => {
  const client = openRedis(stage.redis!.url);
  await client.connect();
  try {
    const before = listenersOf(client);
    const trial = stage.make({ overrides: { redis: client } });
    await trial.works();
    await trial.stop();
    await stage.judge();
    // PING, because a client keeps the status `ready` after `disconnect()` until its socket has closed
    const answers = await client.ping().then(
      () => true,
      () => false,
    );
    stage.expect(answers, "the caller's client was closed; it is not the service's to close");
    const left = newListeners(before, listenersOf(client));
    stage.expect(left.length === 0, `listeners were left on the caller's client: ${left.join(", ")}`);
  } finally {
    await closeRedis(client, { signal: AbortSignal.timeout(1000) });
  }
};

export const redisFaults: readonly Scenario[] = [
  {
    name: "Redis absent at boot",
    claim: "a boot that Redis does not let pass calls no hook and leaves nothing behind",
    needsRedis: true,
    async play(stage) {
      await stage.redis!.kill();
      const trial = stage.make();
      await trial.service.boot().catch(() => {});
      const { outcome } = await trial.stop();
      stage.expect(outcome === "failed", `its outcome is '${outcome}' although Redis was absent`);
      stage.expect(trial.hooks.calls.length === 0, `hooks were called: ${trial.hooks.calls.map(({ hook }) => hook).join(", ")}`);
      await stage.judge({ failure: "did not pass the ping gate" });
    },
  },
  survives("frozen", async (redis, trial) => {
    redis.freeze();
    await trial.probe.fact("lease.suspect").catch(() => {});
    redis.thaw();
  }),
  survives("restarted", async (redis, trial) => {
    await redis.kill();
    await trial.probe.fact("lease.suspect").catch(() => {});
    await redis.restart();
    await trial.probe.fact("lease.regained", { timeoutMs: recoveryMs }).catch(() => {});
  }),
  survives("flushed", async (redis, trial) => {
    await redis.flush();
    await trial.probe.fact("lease.regained").catch(() => {});
  }),
  stopsWhile("frozen", (redis) => redis.freeze()),
  stopsWhile("dead", (redis) => redis.kill()),
  {
    name: "a Redis client of the caller's",
    claim: "a client that it was given is neither closed nor left with listeners",
    needsRedis: true,
    play: borrowed,
  },
];
