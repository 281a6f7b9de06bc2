/** The lifecycle chart's actions, guards and delays: two lives step by step, a table of ends, and what it notes on the way. */
import { describe, expect, it, vi } from "vitest";
import { createActor, fromCallback, fromPromise, waitFor } from "xstate";
import type { Begun, LifecycleContext, LifecycleSettings, LifecycleSnapshot } from "../../machines/index.ts";
import { deadlineOf, lifecycleMachine, stateNames, statePath, waitsForOf } from "../../machines/index.ts";
import { timeLimits } from "../../machines/lifecycle.machine.ts";
import type { ChartPhase } from "../../machines/phases.ts";
import { enteredAt } from "../../machines/phases.ts";
import { givenClient } from "../../machines/settings.ts";
import { StargazerError } from "../../src/errors.ts";
import { linesOf } from "../kit/known.ts";
import type { Cue } from "../kit/story.ts";
import { story, trouble } from "../kit/story.ts";

const shutdown = { type: "shutdown" as const, reason: "asked" };
const superseded = { type: "lease.superseded", twin: { host: "elsewhere", pid: 7 } };
const leaseError = { type: "xstate.error.actor.lease", error: trouble };
const hookFailed = (phase: string) => ({ type: "hook.failed", failure: { phase, code: "SG_ERR_RUN_FAILED", message: "late" } });
const failing = (actor: string, error: unknown) => ({ type: `xstate.error.actor.${actor}`, error });

/** What leads on in each state where all goes well. */
const onward: Readonly<Record<string, Cue>> = {
  init: "boot",
  jitter: "after bootJitter",
  "pinging.attempt": "pingRedis done",
  "pinging.backoff": "after pingBackoff",
  starting: "startTier done",
  registering: "lease.held",
  "healthy.opening": "openHealth done",
  "healthy.ready": "run",
  running: shutdown,
  "stopping.announcing": "after drainDelay",
  "stopping.closing": "closeHealth done",
  "stopping.deregistering": "lease.released",
  "stopping.draining": "drainTier done",
  "stopping.unwinding": "stopTier done",
  "stopping.releasing": "releaseTier done",
  "stopping.disconnecting": "closeRedis done",
};

/** All goes well until that state is entered. */
const to = (path: string) => ({ path });
type Scene = Cue | ReturnType<typeof to>;
const isPlace = (scene: Scene): scene is ReturnType<typeof to> => typeof scene === "object" && "path" in scene;

/** The wall clock: it is set back by an hour in each step of 10 ms. */
const told = (time: number) => 1_700_000_000_000 - time * 360_000;

/** more than a life has */
const maxSteps = 200;

/** A life in which each step takes 10 ms; `seen` has its snapshots. */
const lifeOf = (settings: Partial<LifecycleSettings>, scenes: readonly Scene[]) => {
  const queue = [...scenes];
  const seen: LifecycleSnapshot[] = [];
  let time = 0;
  let turns = 0;
  const next = (snapshot: LifecycleSnapshot): Cue | undefined => {
    turns += 1;
    if (turns > maxSteps) throw new Error(`no step leads to ${JSON.stringify(queue[0])}: ${statePath(snapshot)}`);
    if (seen.at(-1) !== snapshot) seen.push(snapshot);
    const scene = queue[0];
    if (scene === undefined || !isPlace(scene)) return queue.shift() as Cue | undefined;
    const here = statePath(snapshot);
    if (here === scene.path) return queue.shift() && next(snapshot);
    return here === "registering" && settings.hasRedis === false ? "after registerTimeout" : onward[here];
  };
  const input = { settings, now: () => time, epochNow: () => told(time), random: () => 0.5 };
  const { steps, facts } = story(lifecycleMachine, input, next as never, (step) => {
    time = step * 10;
  });
  return { steps, facts, seen, snapshot: seen.at(-1)! };
};
const contextOf = (settings: Partial<LifecycleSettings>, scenes: readonly Scene[]) => lifeOf(settings, scenes).snapshot.context;
const oddPhases = ({ context }: LifecycleSnapshot) =>
  context.phases.filter(({ outcome }) => outcome !== "done").map(({ phase, outcome }) => `${phase} ${outcome}`);

describe("two lives, step by step", () => {
  it("a full life begins everything in order, and undoes it in the opposite order", () => {
    const { steps, snapshot } = lifeOf({}, [
      to("starting"),
      { type: "phase.began", phase: "starting.tools" },
      "release.owed",
      { type: "phase.ended", phase: "starting.tools", outcome: "done" },
      to("running"),
      { type: "lease.suspect", reason: "silent" },
      "lease.held",
      to("stopped"),
    ]);
    expect(steps).toEqual([
      "init",
      "boot -> jitter | bootJitter in 1000",
      "after bootJitter -> pinging.attempt | pingTimeout in 1000 | start pingRedis",
      "pingRedis done -> starting | stop pingRedis | startTimeout in 60000 | start startTier",
      "phase.began starting.tools -> starting",
      "release.owed -> starting",
      "phase.ended starting.tools done -> starting",
      "startTier done -> registering | stop startTier | start lease | registerTimeout in 2000",
      "lease.held -> healthy.opening | emit lease.held | healthTimeout in 3000 | start openHealth",
      "openHealth done -> healthy.ready | stop openHealth | lease <- status healthy",
      "run -> running | lease <- status running | start runTier",
      "lease.suspect silent -> running | emit lease.suspect silent",
      "lease.held -> running | emit lease.held",
      "shutdown asked -> stopping.announcing | stop runTier | lease <- status stopping | drainDelay in 0",
      "after drainDelay -> stopping.closing | closeTimeout in 3000 | start closeHealth",
      "closeHealth done -> stopping.deregistering | stop closeHealth | lease <- release | deregisterTimeout in 2000",
      "lease.released -> stopping.draining | stop lease | emit lease.released | drainTimeout in 8000 | start drainTier",
      "drainTier done -> stopping.unwinding | stop drainTier | stopTimeout in 6000 | start stopTier",
      'stopTier done -> stopping.releasing | stop stopTier | releaseTimeout in 7990 | start releaseTier {"withinMs":7990}',
      "releaseTier done -> stopping.disconnecting | stop releaseTier | disconnectTimeout in 1000 | start closeRedis",
      "closeRedis done -> stopped | stop closeRedis",
    ]);
    const done = (phase: string, offsetMs: number, durationMs: number) => ({
      ...{ phase, startedAt: told(offsetMs), offsetMs },
      ...{ durationMs, outcome: "done" },
    });
    expect(snapshot.output).toEqual({
      outcome: "shutdown",
      reason: "asked",
      exitCode: 0,
      failures: [],
      phases: [
        done("init", 0, 10),
        done("jitter", 10, 10),
        done("pinging", 20, 10),
        done("starting", 30, 40),
        done("starting.tools", 40, 20),
        done("registering", 70, 10),
        done("healthy", 80, 20),
        done("running", 100, 30),
        done("stopping", 130, 70),
        done("stopping.announcing", 130, 10),
        done("stopping.closing", 140, 10),
        done("stopping.deregistering", 150, 10),
        done("stopping.draining", 160, 10),
        done("stopping.unwinding", 170, 10),
        done("stopping.releasing", 180, 10),
        done("stopping.disconnecting", 190, 10),
        done("stopped", 200, 0),
      ],
    });
  });

  it("a boot that is cut half way undoes what it has begun, and nothing else", () => {
    const tools = { type: "phase.began", phase: "starting.tools" };
    const { steps, snapshot } = lifeOf({}, [to("starting"), tools, shutdown, to("stopped")]);
    expect(steps.slice(4)).toEqual([
      "phase.began starting.tools -> starting",
      "shutdown asked -> stopping.announcing | stop startTier | drainDelay in 0",
      "after drainDelay -> stopping.draining | drainTimeout in 8000 | start drainTier",
      "drainTier done -> stopping.unwinding | stop drainTier | stopTimeout in 8000 | start stopTier",
      "stopTier done -> stopping.disconnecting | stop stopTier | disconnectTimeout in 1000 | start closeRedis",
      "closeRedis done -> stopped | stop closeRedis",
    ]);
    expect(oddPhases(snapshot)).toEqual([
      "starting aborted",
      "starting.tools aborted",
      "stopping.closing skipped",
      "stopping.deregistering skipped",
      "stopping.releasing skipped",
    ]);
  });
});

/** Where all went well until then | what happens there | the cause | the phases that are neither done nor skipped | failures */
const ends = `
  init                    | shutdown                | shutdown: asked
  jitter                  | shutdown                | shutdown: asked   | jitter aborted
  pinging.attempt         | shutdown                | shutdown: asked   | pinging aborted
  starting                | shutdown                | shutdown: asked   | starting aborted
  registering             | shutdown                | shutdown: asked   | registering aborted
  healthy.opening         | shutdown                | shutdown: asked   | healthy aborted
  healthy.ready           | shutdown                | shutdown: asked
  running                 | shutdown                | shutdown: asked
  running                 | shutdown with error     | failed: asked     |                                  | running SG_ERR_FAILED
  pinging.attempt         | pingRedis error         | failed: redis did not pass the ping gate | pinging failed | pinging SG_ERR_REDIS_UNREACHABLE
  starting                | startTier error         | failed: onStart failed    | starting failed          | starting SG_ERR_START_FAILED
  starting                | after startTimeout      | failed: onStart timed out | starting timeout         | starting SG_ERR_START_TIMEOUT
  healthy.opening         | openHealth error        | failed: the health server did not open | healthy failed  | healthy SG_ERR_HEALTH_OPEN_FAILED
  healthy.opening         | after healthTimeout     | failed: the health server did not open | healthy timeout | healthy SG_ERR_HEALTH_OPEN_FAILED
  running                 | runTier done            | completed: run returned
  running                 | runTier error           | failed: run failed | running failed                  | running SG_ERR_RUN_FAILED
  registering             | superseded              | failed: superseded |                                 | registering SG_ERR_SUPERSEDED
  healthy.opening         | superseded              | failed: superseded |                                 | healthy SG_ERR_SUPERSEDED
  healthy.ready           | superseded              | failed: superseded |                                 | healthy SG_ERR_SUPERSEDED
  running                 | superseded              | failed: superseded |                                 | running SG_ERR_SUPERSEDED
  registering             | after registerTimeout   | shutdown: asked   | registering timeout
  registering             | lease.lost              | shutdown: asked   | registering failed
  registering             | lease error             | shutdown: asked   | registering failed, stopping.deregistering failed
  running                 | hook.failed             | shutdown: asked   | running failed                   | running SG_ERR_RUN_FAILED
  stopping.closing        | closeHealth error       | shutdown: asked   | stopping.closing failed
  stopping.closing        | after closeTimeout      | shutdown: asked   | stopping.closing timeout
  stopping.closing        | superseded              | shutdown: asked
  stopping.deregistering  | lease.abandoned         | shutdown: asked   | stopping.deregistering failed
  stopping.deregistering  | after deregisterTimeout | shutdown: asked   | stopping.deregistering timeout
  stopping.deregistering  | lease error             | shutdown: asked   | stopping.deregistering failed
  stopping.deregistering  | superseded              | shutdown: asked
  stopping.draining       | drainTier error         | shutdown: asked   | stopping.draining failed         | stopping.draining SG_ERR_DRAIN_TIMEOUT
  stopping.draining       | after drainTimeout      | shutdown: asked   | stopping.draining timeout        | stopping.draining SG_ERR_DRAIN_TIMEOUT
  stopping.draining       | hook.failed             | shutdown: asked   |                                  | running SG_ERR_RUN_FAILED
  stopping.unwinding      | stopTier error          | shutdown: asked   | stopping.unwinding failed        | stopping.unwinding SG_ERR_STOP_FAILED
  stopping.unwinding      | after stopTimeout       | shutdown: asked   | stopping.unwinding timeout       | stopping.unwinding SG_ERR_STOP_TIMEOUT
  stopping.releasing      | releaseTier error       | shutdown: asked   | stopping.releasing failed        | stopping.releasing SG_ERR_STOP_FAILED
  stopping.releasing      | after releaseTimeout    | shutdown: asked   | stopping.releasing timeout       | stopping.releasing SG_ERR_STOP_TIMEOUT
  stopping.disconnecting  | closeRedis error        | shutdown: asked   | stopping.disconnecting failed
  stopping.disconnecting  | after disconnectTimeout | shutdown: asked   | stopping.disconnecting timeout`
  .trim()
  .split("\n")
  .map((row) => row.split("|").map((cell) => cell.trim()));

const happenings: Readonly<Record<string, Cue>> = {
  shutdown,
  "shutdown with error": { ...shutdown, error: trouble },
  superseded,
  "lease error": leaseError,
  "lease.lost": { type: "lease.lost", reason: "gone" },
  "lease.abandoned": { type: "lease.abandoned", reason: "silent" },
  "hook.failed": hookFailed("running"),
};

describe("how a life ends", () => {
  it.each(ends)("in %s: %s ends it as '%s'", (path, happening, cause, phases = "", failures = "") => {
    const owed = path === "stopping.releasing" ? [to("running"), "release.owed"] : [];
    const scenes = [...owed, to(path!), happenings[happening!] ?? happening!];
    const stays = happening === "hook.failed" || (happening === "superseded" && path === "stopping.closing");
    expect(statePath(lifeOf({ pingAttempts: 1 }, scenes).snapshot) === path).toBe(stays);
    const { context, output, ...rest } = lifeOf({ pingAttempts: 1 }, [...scenes, to("stopped")]).snapshot;
    expect(`${context.cause?.outcome}: ${context.cause?.reason}`).toBe(cause);
    const odd = oddPhases({ context, ...rest } as LifecycleSnapshot).filter((phase) => !phase.endsWith(" skipped"));
    expect(odd.join(", ")).toBe(phases);
    expect(context.failures.map(({ phase, code }) => `${phase} ${code}`).join(", ")).toBe(failures);
    expect(output).toMatchObject({
      reason: context.cause!.reason,
      exitCode: failures === "" ? 0 : 1,
      failures: context.failures,
    });
    expect(output!.outcome).toBe(failures === "" ? context.cause!.outcome : "failed");
    expect(output!.error).toBe(context.failures[0]);
  });

  it("the first cause stays, also after later ones", () => {
    const { cause } = contextOf({}, [to("running"), shutdown, superseded, hookFailed("running")]);
    expect(cause).toEqual({ outcome: "shutdown", reason: "asked" });
  });

  it("a shutdown before starting has nothing to undo but the connections", () => {
    const { seen } = lifeOf({}, [to("pinging.attempt"), shutdown, to("stopped")]);
    expect(seen.slice(3).map(statePath)).toEqual(["stopping.announcing", "stopping.disconnecting", "stopped"]);
  });

  it("a lease that is superseded while it is deregistered ends a step that is done, not skipped", () => {
    const { phases } = contextOf({}, [to("stopping.deregistering"), superseded]);
    expect(phases.find(({ phase }) => phase === "stopping.deregistering")?.outcome).toBe("done");
  });

  it.each(["closeHealth done", "closeHealth error", "after closeTimeout"])(
    "a health port that closes last closes behind the releases, and behind onStop where there are none: %s",
    (closed) => {
      const stepsOf = (...scenes: Scene[]) =>
        lifeOf({ closeHealth: "last" }, [...scenes, to("running"), shutdown, to("stopping.closing"), closed, to("stopped")])
          .seen.map(statePath)
          .flatMap((path) => (path.startsWith("stopping.") ? [path.slice("stopping.".length)] : []));
      const before = ["announcing", "deregistering", "draining", "unwinding"];
      expect(stepsOf()).toEqual([...before, "closing", "disconnecting"]);
      expect(stepsOf(to("starting"), "release.owed")).toEqual([...before, "releasing", "closing", "disconnecting"]);
    },
  );

  it("releases of which there are none are marked skipped before a port that closes last", () => {
    const { snapshot } = lifeOf({ closeHealth: "last" }, [to("running"), shutdown, to("stopped")]);
    expect(oddPhases(snapshot)).toEqual(["stopping.releasing skipped"]);
  });

  it("the first attempt at Redis has its deadline as it begins", () => {
    expect(contextOf({}, [to("pinging.attempt")]).timer).toMatchObject({ name: "pingTimeout", ms: 1000 });
  });

  it.each(["releaseTier done", "releaseTier error", "after releaseTimeout"])(
    "releases that end before the port closes lead to its close: %s",
    (released) => {
      const scenes = [to("starting"), "release.owed", to("running"), shutdown, to("stopping.releasing"), released];
      expect(statePath(lifeOf({ closeHealth: "last" }, scenes).snapshot)).toBe("stopping.closing");
      expect(statePath(lifeOf({}, scenes).snapshot)).toBe("stopping.disconnecting");
    },
  );

  it("without Redis and health server every state is entered, and what has no work is marked skipped", () => {
    const { seen, snapshot } = lifeOf({ hasRedis: false, hasHealth: false }, [to("stopped")]);
    const begun = seen.map(({ context }) => namesOf(context.begun)).filter((names) => names !== "");
    expect(new Set(begun)).toEqual(new Set(["tier"]));
    expect(oddPhases(snapshot)).toEqual([
      "pinging skipped",
      "registering skipped",
      "healthy skipped",
      "stopping.closing skipped",
      "stopping.deregistering skipped",
      "stopping.releasing skipped",
    ]);
  });
});

const namesOf = (begun: Begun): string =>
  Object.entries(begun)
    .filter(([, is]) => is)
    .map(([what]) => what)
    .join(" ");

describe("the ping gate", () => {
  const pathsOf = (settings: Partial<LifecycleSettings>, cues: readonly Cue[]) =>
    lifeOf(settings, [to("pinging.attempt"), ...cues])
      .seen.slice(3)
      .map(statePath);

  it("a Redis that does not answer gets three attempts, with a backoff between two", () => {
    const cues = ["after pingTimeout", "after pingBackoff", "pingRedis error", "after pingBackoff", "after pingTimeout"];
    const [attempt, backoff] = ["pinging.attempt", "pinging.backoff"];
    expect(pathsOf({}, cues)).toEqual([backoff, attempt, backoff, attempt, "stopping.announcing"]);
  });

  it("the backoff of a failed attempt is drawn as it is entered, and is the deadline of the state", () => {
    const { steps, snapshot } = lifeOf({}, [to("pinging.attempt"), "after pingTimeout"]);
    expect(steps.at(-1)).toBe("after pingTimeout -> pinging.backoff | stop pingRedis | pingBackoff in 100");
    expect(snapshot.context.timer).toEqual({ name: "pingBackoff", ms: 100, setMs: 30 });
  });

  it("an optional Redis that does not answer degrades the service until the lease is held or regained", () => {
    const optional = { redisRequired: false, pingAttempts: 1 };
    const degraded = [to("pinging.attempt"), "after pingTimeout"];
    const { snapshot } = lifeOf(optional, degraded);
    expect(snapshot.context).toMatchObject({ degraded: true, failures: [], cause: undefined });
    expect(oddPhases(snapshot)).toEqual(["pinging failed", "starting undefined"]);
    const later = [...degraded, "startTier done", { type: "lease.lost", reason: "cut" }];
    const isDegraded = (...scenes: Scene[]) => contextOf(optional, scenes).degraded;
    expect(isDegraded(...later)).toBe(true);
    expect(isDegraded(...later, "lease.held")).toBe(false);
    expect(isDegraded(...later, "lease.regained")).toBe(false);
    expect(isDegraded(...degraded, "startTier done", "lease.held")).toBe(false);
    expect(isDegraded(to("starting"))).toBe(false);
  });
});

describe("a tier with an onDrain", () => {
  const owed = [to("starting"), "drain.owed"];
  const drainDelayMs = 700;
  const stop = (settings: Partial<LifecycleSettings>, ...scenes: Scene[]) =>
    lifeOf(settings, [...owed, to("running"), shutdown, ...scenes]);

  it("has it called first in stopping; where it has ended the step goes on to the end of its delay", () => {
    const { steps } = stop({ drainDelayMs }, "announceTier done", "after drainDelay");
    expect(steps.slice(-3)).toEqual([
      "shutdown asked -> stopping.announcing | stop runTier | lease <- status stopping | start announceTier | drainDelay in 700",
      "announceTier done -> stopping.announcing | stop announceTier",
      "after drainDelay -> stopping.closing | closeTimeout in 3000 | start closeHealth",
    ]);
  });

  it("waits for the hook in words, as long as it runs", () => {
    const { seen } = stop({ drainDelayMs }, "announceTier done");
    expect(seen.slice(-2).map((snapshot) => waitsForOf(snapshot))).toEqual([
      "load balancers to notice, and the tier's onDrain",
      "load balancers to notice",
    ]);
  });

  it.each([
    ["fails", 700, ["announceTier error"], "failed", "SG_ERR_DRAIN_FAILED: onDrain failed: trouble"],
    ["overruns its delay", 700, [], "timeout", "SG_ERR_DRAIN_TIMEOUT: onDrain did not finish within drainDelayMs (700 ms)"],
    ["goes on where there is no delay", 0, [], "done", ""],
    ["fails where there is no delay", 0, ["announceTier error"], "failed", "SG_ERR_DRAIN_FAILED: onDrain failed: trouble"],
  ])(
    "that %s: after a delay of %i ms the step has that outcome, and the next one follows",
    (_, delay, ends, outcome, failure) => {
      const { steps, snapshot } = stop({ drainDelayMs: delay }, ...ends, "after drainDelay");
      const { phases, failures, cause } = snapshot.context;
      expect(statePath(snapshot)).toBe("stopping.closing");
      expect(steps.filter((step) => step.includes("stop announceTier"))).toHaveLength(1);
      expect(phases.find(({ phase }) => phase === "stopping.announcing")).toMatchObject({ outcome });
      expect(failures.map(({ phase, code, message }) => `${phase} ${code}: ${message}`).join()).toBe(
        failure === "" ? "" : `stopping.announcing ${failure}`,
      );
      expect(cause).toEqual({ outcome: "shutdown", reason: "asked" });
    },
  );

  it("without a health server has the delay for itself; a port that never opened gives it none", () => {
    const delayOf = (settings: Partial<LifecycleSettings>, at: string) =>
      lifeOf({ drainDelayMs, ...settings }, [...owed, to(at), shutdown])
        .steps.at(-1)!
        .split(" | ")
        .at(-1);
    expect(delayOf({ hasHealth: false }, "running")).toBe("drainDelay in 700");
    expect(delayOf({}, "healthy.opening")).toBe("drainDelay in 0");
  });
});

describe("a failure", () => {
  const last = (scenes: readonly Scene[], settings = {}) => contextOf(settings, scenes).failures.at(-1)!;

  it("of a hook carries the error as its cause, and names the hook", () => {
    expect(last([to("starting"), "startTier error"])).toEqual({
      phase: "starting",
      code: "SG_ERR_START_FAILED",
      message: "onStart failed: trouble",
      cause: trouble,
    });
    expect(last([to("running"), failing("runTier", "no error")])).toMatchObject({ message: "run failed: no error" });
  });

  it("of our own work keeps its code and message; an error of a tier does not decide the code", () => {
    const taken = new StargazerError("SG_ERR_HEALTH_PORT_IN_USE", "taken");
    const own = { code: "SG_ERR_HEALTH_PORT_IN_USE", message: "taken" };
    expect(last([to("healthy.opening"), failing("openHealth", taken)])).toMatchObject(own);
    expect(last([to("stopping.draining"), failing("drainTier", taken)])).toMatchObject(own);
    expect(last([to("starting"), failing("startTier", taken)]).code).toBe("SG_ERR_START_FAILED");
    for (const foreign of [{ code: "ECONNREFUSED" }, { code: 7 }, undefined, null])
      expect(last([to("healthy.opening"), failing("openHealth", foreign)]).code).toBe("SG_ERR_HEALTH_OPEN_FAILED");
  });

  it("of a shutdown with an error has the phase in which it was asked for, and the error's own code", () => {
    const because = (error: unknown) => last([to("running"), { ...shutdown, error }]);
    expect(because(trouble)).toEqual({ phase: "running", code: "SG_ERR_FAILED", message: "trouble", cause: trouble });
    expect(because(new StargazerError("SG_ERR_REGISTRY", "torn")).code).toBe("SG_ERR_REGISTRY");
    expect(contextOf({}, [{ ...shutdown, error: trouble }]).cause).toEqual({ outcome: "failed", reason: "asked" });
  });

  it("of the ping gate names the Redis, the attempts and the reason", () => {
    const refused = (error: unknown) =>
      last([to("pinging.attempt"), failing("pingRedis", error)], { pingAttempts: 1, redisLabel: "redis://there" });
    expect(refused(trouble)).toMatchObject({ code: "SG_ERR_REDIS_UNREACHABLE", cause: trouble });
    expect(refused(trouble).message).toMatch(/redis:\/\/there .* 1 attempt: trouble\./);
    expect(refused(new StargazerError("SG_ERR_REGISTRY", "torn")).code).toBe("SG_ERR_REGISTRY");
    expect(last([to("pinging.attempt"), "after pingTimeout"], { pingAttempts: 1 }).message).toContain("no answer to PING");
  });

  it("of the ping gate asks about TLS where the URL asks for it or a client was given, whose options are not known", () => {
    const asked = (redisLabel: string) =>
      last([to("pinging.attempt"), "after pingTimeout"], { pingAttempts: 1, redisLabel }).message;
    const about = (label: string) => ["TLS", "client open", "REDIS_URL"].filter((word) => asked(label).includes(word));
    expect(about("rediss://there:6379")).toEqual(["TLS", "REDIS_URL"]);
    expect(about("redis://there:6379")).toEqual(["REDIS_URL"]);
    expect(about(givenClient)).toEqual(["TLS", "client open"]);
  });

  it("of onStart's deadline names the tier's own phase that onStart is in, where it is in one", () => {
    const late = (...scenes: Scene[]) => last([to("starting"), ...scenes, "after startTimeout"]).message;
    expect(late({ type: "phase.began", phase: "starting.tools" })).toMatch(/ \(60000 ms\), .*'tools'$/);
    expect(late()).toMatch(/ \(60000 ms\)$/);
  });

  it("of the health server's deadline names its length", () => {
    expect(last([to("healthy.opening"), "after healthTimeout"]).message).toMatch(/ healthTimeoutMs \(3000 ms\)$/);
  });

  it("of the deadlines of onStop and of the releases names the share that each had", () => {
    const late = (at: string, deadline: string) =>
      last([to("starting"), "release.owed", to("running"), shutdown, to(at), deadline]).message;
    expect(late("stopping.unwinding", "after stopTimeout")).toMatch(/^onStop .* \(6000 ms\)$/);
    expect(late("stopping.releasing", "after releaseTimeout")).toMatch(/^the releases .* \(7990 ms\)$/);
  });

  it("of the drain names the hooks that it waited for: onStart of a boot that was cut, run afterwards, and an onDrain under way", () => {
    const late = (...scenes: Scene[]) => last([...scenes, shutdown, to("stopping.draining"), "after drainTimeout"]).message;
    expect(late(to("starting"))).toMatch(/^onStart went on /);
    expect(late(to("running"))).toMatch(/^run went on /);
    expect(late(to("starting"), "drain.owed", to("running"))).toMatch(/^run or onDrain went on /);
  });

  it("of a service that is superseded names the process that has its id", () => {
    expect(last([to("running"), superseded]).message).toContain("pid 7 on elsewhere");
  });
});

describe("what the chart notes", () => {
  it("nothing is noted in init", () => {
    const { settings: _, now: __, epochNow: ___, random: ____, phases: _____, ...noted } = contextOf({}, []);
    expect(noted).toEqual({
      constructedAt: 0,
      begun: { tier: false, lease: false, health: false, open: false, drain: false, releases: false },
      attempt: 1,
      refusal: { code: "SG_ERR_REDIS_UNREACHABLE", message: "" },
      degraded: false,
      cause: undefined,
      failures: [],
      isLeaseAlive: false,
      lateError: undefined,
    });
  });

  it("each state of a full life knows what was begun before it, and the lease is forgotten when it is deregistered", () => {
    const { seen } = lifeOf({}, [to("healthy.ready"), "release.owed", to("stopped")]);
    const rows = seen.map((snapshot) => `${statePath(snapshot)}: ${namesOf(snapshot.context.begun)}`);
    expect(rows).toEqual([
      "init: ",
      "jitter: ",
      "pinging.attempt: ",
      "starting: tier",
      "registering: tier lease",
      "healthy.opening: tier lease health",
      "healthy.ready: tier lease health open",
      ...["healthy.ready", "running", "stopping.announcing", "stopping.closing", "stopping.deregistering"].map(
        (path) => `${path}: tier lease health open releases`,
      ),
      ...["stopping.draining", "stopping.unwinding", "stopping.releasing", "stopping.disconnecting", "stopped"].map(
        (path) => `${path}: tier health open releases`,
      ),
    ]);
  });

  it("each of the nine states is emitted as it is entered, once and in their order", () => {
    const { facts } = lifeOf({}, [to("stopped")]);
    expect(facts.flat().flatMap(({ type, state }) => (type === "state.entered" ? [state] : []))).toEqual(stateNames);
  });

  it("the lease takes events from registering until deregistering is left, also where that is given up", () => {
    const isAlive = (...scenes: Scene[]) => contextOf({}, scenes).isLeaseAlive;
    expect([isAlive(to("starting")), isAlive(to("registering")), isAlive(to("stopping.deregistering"))]).toEqual([
      false,
      true,
      true,
    ]);
    for (const end of ["after deregisterTimeout", "lease.released"])
      expect(isAlive(to("stopping.deregistering"), end), end).toBe(false);
  });

  it("each state names what it waits for, and the delay after which it ends by itself", () => {
    const warm = { type: "phase.began", phase: "running.warm" };
    const { seen } = lifeOf({}, [
      ...[to("pinging.attempt"), "pingRedis error", to("healthy.ready"), "release.owed"],
      ...[to("running"), warm, to("stopped")],
    ]);
    expect(seen.map((snapshot) => `${waitsForOf(snapshot)}, ${deadlineOf(snapshot)?.name ?? "without end"}`)).toEqual([
      "boot, without end",
      "its turn, bootJitter",
      "Redis to answer PING, attempt 1 of 3, pingTimeout",
      "the next attempt, pingBackoff",
      "Redis to answer PING, attempt 2 of 3, pingTimeout",
      "the tier's onStart, startTimeout",
      "the first answer to the registry entry, registerTimeout",
      "the health port to open, healthTimeout",
      "run, without end",
      "run, without end",
      "the tier's run, without end",
      "the tier's run, warm, without end",
      "load balancers to notice, drainDelay",
      "the health port's last answers, closeTimeout",
      "the registry entry to be deleted, deregisterTimeout",
      "work in flight to end, drainTimeout",
      "the tier's onStop, stopTimeout",
      "the tier's deferred releases, releaseTimeout",
      "the Redis connections to close, disconnectTimeout",
      ", without end",
    ]);
  });

  it("each state has its tags", () => {
    const tagged = (tag: string) => {
      const { seen } = lifeOf({}, [to("healthy.ready"), "release.owed", to("stopped")]);
      return [...new Set(seen.filter((snapshot) => snapshot.hasTag(tag as never)).map(statePath))].join(" ");
    };
    const [boot, stop] = [Object.keys(onward).slice(1, 7), Object.keys(onward).slice(9)];
    expect(tagged("booting")).toBe(boot.filter((path) => path !== "pinging.backoff").join(" "));
    expect(tagged("ready")).toBe("healthy.ready running");
    expect(tagged("stopping")).toBe(stop.join(" "));
  });

  it.each([superseded, leaseError])("a lease that has ended by $type is not sent to, and not waited for", (end) => {
    for (const path of ["registering", "healthy.opening", "healthy.ready", "running", "stopping.closing"])
      expect(contextOf({}, [to(path), end]).isLeaseAlive, path).toBe(false);
    const { steps, seen } = lifeOf({}, [to("running"), end, to("stopped")]);
    expect(seen.map(statePath)).not.toContain("stopping.deregistering");
    expect(steps.slice(8).join(" | ")).not.toContain("lease <-");
  });

  it("a lease that broke leaves an entry that may exist, and a superseded one leaves nothing of ours", () => {
    expect(namesOf(contextOf({}, [to("running"), leaseError]).begun)).toContain("lease");
    expect(namesOf(contextOf({}, [to("running"), superseded]).begun)).not.toContain("lease");
  });

  it("of the errors that come while stopping the first is a failure, but for the one that began the stop", () => {
    const late = (error: unknown) => ({ type: "error.late", error });
    const failuresOf = (cues: readonly Cue[]) => contextOf({}, [to("running"), ...cues]).failures.map(({ message }) => message);
    expect(failuresOf([shutdown, late(new Error("first")), late(new Error("second"))])).toEqual(["first"]);
    expect(failuresOf([{ ...shutdown, error: trouble }, late(trouble), late(new Error("first"))])).toEqual(["trouble", "first"]);
  });

  it("every fact of the lease is emitted once, in whichever state it comes", () => {
    const facts: readonly [Cue, string][] = [
      [superseded, 'lease.superseded {"host":"elsewhere","pid":7}'],
      [leaseError, "lease.broken trouble"],
      [{ type: "lease.lost", reason: "gone" }, "lease.lost gone"],
      [{ type: "lease.abandoned", reason: "silent" }, "lease.abandoned silent"],
      ["lease.held", "lease.held"],
      ["lease.regained", "lease.regained"],
      ["lease.released", "lease.released"],
    ];
    const leased = Object.keys(onward).slice(5, 12);
    for (const path of leased)
      for (const [fact, emitted] of facts) {
        const step = lifeOf({}, [to(path), fact]).steps.at(-1)!;
        expect(
          step.split(" | ").filter((line) => line.startsWith("emit lease.")),
          path,
        ).toEqual([`emit ${emitted}`]);
      }
  });

  it("a whole life emits each state that is entered, and each phase once it has ended", () => {
    const { facts } = lifeOf({}, [to("running"), shutdown, to("stopped")]);
    const short = facts.flat().flatMap(({ type, state, phase }) => {
      if (type === "state.entered") return [`+${state}`];
      return type === "phase.ended" ? [`-${phase}`] : [];
    });
    const boot = ["jitter", "pinging", "starting", "registering", "healthy", "running", "stopping"];
    expect(short).toEqual([
      "+init",
      ...boot.flatMap((state, at) => [`-${["init", ...boot][at]}`, `+${state}`]),
      ...["announcing", "closing", "deregistering", "draining", "unwinding", "releasing"].map((step) => `-stopping.${step}`),
      "-stopping",
      "-stopping.disconnecting",
      "+stopped",
      "-stopped",
    ]);
  });

  it("an error that comes while stopping marks the step under way, and one of onStop its own", () => {
    const late = { type: "error.late", error: new Error("late") };
    const { phases } = contextOf({}, [to("running"), shutdown, to("stopping.draining"), late, to("stopped")]);
    expect(phases.find(({ phase }) => phase === "stopping.draining")?.outcome).toBe("failed");
    const { failures } = contextOf({}, [to("running"), shutdown, to("stopping.unwinding"), "stopTier error"]);
    expect(failures).toMatchObject([
      { phase: "stopping.unwinding", code: "SG_ERR_STOP_FAILED", message: expect.stringMatching(/^onStop failed: /) },
    ]);
  });

  it("a companion that outlives the drain is cut as the drain ends", async () => {
    const commands: unknown[] = [];
    let endDrain = () => {};
    const drained = new Promise<void>((resolve) => {
      endDrain = resolve;
    });
    const done = fromPromise(async () => {});
    const actor = createActor(
      lifecycleMachine.provide({
        actors: {
          pingRedis: done,
          startTier: done,
          runTier: fromPromise(() => new Promise<void>(() => {})),
          drainTier: fromPromise(() => drained),
          stopTier: done,
          closeRedis: done,
        },
      }),
      { input: { settings: { jitterMaxMs: 0, hasRedis: false, hasHealth: false } } },
    ).start();
    actor.send({ type: "boot" });
    await waitFor(actor, (snapshot) => snapshot.matches({ healthy: "ready" }));
    actor.send({ type: "run" });
    const logic = fromCallback(({ receive }) => receive((command) => void commands.push(command)));
    actor.send({ type: "companion.spawn", companion: { name: "one", logic, input: {} }, count: 1 });
    actor.send(shutdown);
    await waitFor(actor, (snapshot) => snapshot.matches({ stopping: "draining" }));
    expect(commands).toEqual([]);
    endDrain();
    await waitFor(actor, (snapshot) => snapshot.status === "done");
    expect(commands).toEqual([{ type: "cut" }]);
  });

  it("every fact of a leadership is emitted once, in whichever state it comes", () => {
    for (const type of ["leadership.gained", "leadership.lost", "leadership.released", "leadership.abandoned"])
      for (const path of ["starting", "running", "stopping.draining"]) {
        const { steps } = lifeOf({}, [to(path), { type, name: "summaries" }]);
        expect(steps.at(-1)!.split(" | ").slice(1), `${type} in ${path}`).toEqual([`emit ${type} summaries`]);
      }
  });

  it("a companion is spawned under its name and number, and stopped as it ends", () => {
    const logic = fromCallback(() => {});
    const companion = { name: "leadership.summaries", logic, input: { name: "summaries" } };
    const spawn = { type: "companion.spawn", companion, count: 2 };
    const end = (how: string) => ({ type: `xstate.${how}.actor.companion.leadership.summaries.2` });
    for (const how of ["done", "error"]) {
      const [spawned, ended] = lifeOf({}, [to("running"), spawn, end(how)]).steps.slice(-2);
      expect(spawned).toMatch(/ \| start companion\.leadership\.summaries\.2$/);
      expect(ended).toMatch(/ \| stop companion\.leadership\.summaries\.2$/);
    }
  });

  it("the time at which stopping and its unwinding are entered", () => {
    const { phases } = contextOf({}, [to("stopping.unwinding")]);
    expect([enteredAt(phases, "stopping"), enteredAt(phases, "stopping.unwinding")]).toEqual([80, 120]);
    expect(enteredAt(phases, "stopping.releasing")).toBe(0);
  });

  it("a tier's phase that is not in the record ends with its own beginning, as a fact; without one there is no fact", () => {
    const jobEnded = { type: "phase.ended", phase: "running.job", outcome: "failed" };
    const began = { startedAt: told(20), offsetMs: 20 };
    const factsOf = (event: Cue) => lifeOf({}, [to("running"), event]).facts.at(-1);
    expect(factsOf({ ...jobEnded, began })).toEqual([{ ...jobEnded, ...began, durationMs: 60 }]);
    expect(factsOf(jobEnded)).toEqual([]);
  });

  it("a tier's phase has an outcome of its own", () => {
    const [began, ended] = ["phase.began", "phase.ended"].map((type) => ({ type, phase: "starting.tools", outcome: "failed" }));
    expect(contextOf({}, [to("starting"), began!, ended!]).phases.slice(-2)).toEqual([
      { phase: "starting", startedAt: told(30), offsetMs: 30 },
      { phase: "starting.tools", startedAt: told(40), offsetMs: 40, durationMs: 10, outcome: "failed" },
    ]);
  });

  it("the lease gets its parent's times, and the status to begin with", () => {
    const { children } = lifeOf({ heartbeatMs: 77 }, [to("registering")]).snapshot;
    expect(children.lease!.getSnapshot().context).toMatchObject({ wanted: "starting", times: { heartbeatMs: 77 } });
  });
});

describe("a delay", () => {
  const fresh = contextOf({}, []);
  const delay = (name: keyof typeof timeLimits, settings: Partial<LifecycleSettings>, context: Partial<LifecycleContext> = {}) =>
    timeLimits[name]({ ...fresh, now: () => 0, ...context, settings: { ...fresh.settings, ...settings } });
  const all = { tier: true, lease: true, health: true, open: true, drain: false, releases: true };
  const entered = (phase: ChartPhase, offsetMs: number) => ({ phase, startedAt: 0, offsetMs });

  it("jitter is a random part of its maximum, and a ping's backoff doubles up to 500 ms", () => {
    expect(delay("bootJitter", { jitterMaxMs: 300 })).toBe(150);
    const backoffs = [1, 2, 3, 4, 9].map((attempt) => delay("pingBackoff", {}, { attempt, random: () => 1 }));
    expect(backoffs).toEqual([200, 400, 500, 500, 500]);
    expect(delay("pingBackoff", {}, { attempt: 3, random: () => 0.1 })).toBe(50);
  });

  it.each([
    ["drainDelay", "drainDelayMs", 6],
    ["closeTimeout", "healthTimeoutMs", 5],
    ["deregisterTimeout", "registerTimeoutMs", 4],
    ["drainTimeout", "drainTimeoutMs", 3],
  ] as const)("%s is %s, within the budget less %i seconds for the steps to come", (name, own, toCome) => {
    const context = { begun: all, phases: [entered("stopping", 1000)], now: () => 3000 };
    expect(delay(name, { [own]: 700, shutdownTimeoutMs: 60_000 }, context)).toBe(700);
    expect(delay(name, { [own]: 70_000, shutdownTimeoutMs: 20_000 }, context)).toBe(18_000 - toCome * 1000);
    expect(delay(name, { [own]: 70_000, shutdownTimeoutMs: 4100 }, context)).toBeCloseTo(2100 / (toCome + 1));
    expect(delay(name, { [own]: 700, shutdownTimeoutMs: 2000 }, context)).toBe(0);
  });

  it("a port that closes last has one step to come, and every step between has one more; unless it never opened", () => {
    const context = { begun: all, phases: [entered("stopping", 1000)], now: () => 3000 };
    const left = (name: keyof typeof timeLimits, begun = all) => {
      const settings = {
        closeHealth: "last" as const,
        healthTimeoutMs: 70_000,
        registerTimeoutMs: 70_000,
        drainTimeoutMs: 70_000,
        stopTimeoutMs: 70_000,
        shutdownTimeoutMs: 20_000,
      };
      return 18_000 - delay(name, settings, { ...context, begun: { ...begun, releases: false } });
    };
    const steps = ["deregisterTimeout", "drainTimeout", "stopTimeout", "closeTimeout"] as const;
    expect(steps.map((name) => left(name))).toEqual([5000, 4000, 3000, 1000]);
    expect(steps.map((name) => left(name, { ...all, open: false }))).toEqual([4000, 3000, 2000, 5000]);
  });

  it("nothing waits for load balancers that have not seen the health server", () => {
    expect(delay("drainDelay", { drainDelayMs: 500 }, { begun: { ...all, open: false } })).toBe(0);
  });

  it("onStop leaves a quarter of its time to the releases, if there are any", () => {
    expect(delay("stopTimeout", { stopTimeoutMs: 4000 }, { begun: all })).toBe(3000);
    expect(delay("stopTimeout", { stopTimeoutMs: 4000 }, { begun: { ...all, releases: false } })).toBe(4000);
    expect(delay("stopTimeout", { stopTimeoutMs: 70_000 }, { begun: { ...all, releases: false } })).toBe(23_000);
  });

  it("the releases get what onStop left, at least their quarter, and within the budget", () => {
    const at = (now: number, settings = {}) =>
      delay(
        "releaseTimeout",
        { stopTimeoutMs: 4000, ...settings },
        { phases: [entered("stopping.unwinding", 100)], now: () => now },
      );
    expect([at(100), at(1100), at(3100), at(4000)]).toEqual([4000, 3000, 1000, 1000]);
    expect(at(100, { shutdownTimeoutMs: 3000 })).toBe(1900);
  });

  it("closing the connections gets a second, or what is left", () => {
    expect(delay("disconnectTimeout", {})).toBe(1000);
    expect(delay("disconnectTimeout", { shutdownTimeoutMs: 300 })).toBe(300);
  });

  it("registering is passed at once where there is no Redis", () => {
    expect(delay("registerTimeout", { registerTimeoutMs: 70 }, { begun: all })).toBe(70);
    expect(delay("registerTimeout", { registerTimeoutMs: 70 })).toBe(0);
  });

  it("without clocks and a chance of its own the chart takes those of the process: a monotonic one measures", () => {
    const { context } = story(lifecycleMachine, {}, []).snapshot as unknown as LifecycleSnapshot;
    expect([context.epochNow, context.random]).toEqual([Date.now, Math.random]);
    const clock = vi.spyOn(performance, "now").mockReturnValue(1234);
    expect(context.now()).toBe(1234);
    clock.mockRestore();
  });
});

describe("an actor that was not provided", () => {
  const { actors } = lifecycleMachine.implementations as unknown as { actors: Record<string, { config: () => Promise<void> }> };
  it.each(Object.keys(actors).filter((name) => name !== "lease"))("%s fails with its own name", async (name) => {
    await expect(actors[name]!.config()).rejects.toThrow(`'${name}'`);
  });
});

describe("what is known of each state of a service", () => {
  it("is its tags, its tone, what it waits for and its deadline", () => {
    expect(linesOf(lifecycleMachine)).toEqual([
      "init | waits for boot",
      "jitter | [booting] | waits for its turn | within bootJitter",
      "pinging | [booting]",
      "pinging.attempt | waits for Redis to answer PING | detail by context | within pingTimeout",
      "pinging.backoff | waits for the next attempt | within pingBackoff",
      "starting | [booting] | waits for the tier's onStart | detail by context | within startTimeout",
      "registering | [booting] | waits for the first answer to the registry entry | within registerTimeout",
      "healthy | tone good",
      "healthy.opening | [booting] | waits for the health port to open | within healthTimeout",
      "healthy.ready | [ready] | waits for run",
      "running | [ready] | tone good | waits for the tier's run | detail by context",
      "stopping | [stopping] | tone caution",
      "stopping.announcing | waits for load balancers to notice | detail by context | within drainDelay",
      "stopping.closing | waits for the health port's last answers | within closeTimeout",
      "stopping.deregistering | waits for the registry entry to be deleted | within deregisterTimeout",
      "stopping.draining | waits for work in flight to end | within drainTimeout",
      "stopping.unwinding | waits for the tier's onStop | within stopTimeout",
      "stopping.releasing | waits for the tier's deferred releases | within releaseTimeout",
      "stopping.disconnecting | waits for the Redis connections to close | within disconnectTimeout",
    ]);
  });
});
