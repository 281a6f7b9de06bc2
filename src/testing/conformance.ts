/** Plays every scenario with a service, and reports which claims held. */
import { systemClock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { ConformanceOptions, Limits, ServiceFactory } from "./options.ts";
import { limitsOf } from "./options.ts";
import type { ConformanceCheck } from "./report.ts";
import { ConformanceReport } from "./report.ts";
import type { Scenario } from "./scenario.ts";
import { hookFaults } from "./scenarios-hooks.ts";
import { cuts, lives } from "./scenarios-life.ts";
import { redisFaults } from "./scenarios-redis.ts";
import { Stage } from "./stage.ts";
import { TestRedis } from "./test-redis.ts";
import { TurnWatch } from "./turns.ts";

const all: readonly Scenario[] = [...lives, ...cuts, ...hookFaults, ...redisFaults];

/** The names of all scenarios, in the order in which they are played: what the option `only` may contain. */
export const scenarioNames: readonly string[] = all.map(({ name }) => name);

/** Throws a TypeError for an unknown name, and where no scenario is left: a claim that was not checked must not look held. */
export const scenariosFor = ({ only, redis = true }: ConformanceOptions): readonly Scenario[] => {
  const unknown = only?.filter((name) => !scenarioNames.includes(name)) ?? [];
  if (unknown.length > 0)
    throw new TypeError(`no scenario is called '${unknown.join("', '")}'; they are: ${scenarioNames.join(", ")}`);
  const chosen = all.filter(({ name, needsRedis = false }) => (redis || !needsRedis) && (only?.includes(name) ?? true));
  if (chosen.length === 0)
    throw new TypeError(
      `no scenario is left to play: 'only' names ${only?.join(", ") || "none"}, and without Redis some are left out`,
    );
  return chosen;
};

export interface Played {
  readonly check: ConformanceCheck;
  /** empty if no service could be made */
  readonly service: string;
}

/** Plays one scenario; each has a Redis of its own. */
export const play = async (scenario: Scenario, factory: ServiceFactory, limits: Limits): Promise<Played> => {
  const redis = limits.redis ? await TestRedis.start() : undefined;
  const beganAt = systemClock.now();
  const { name, claim } = scenario;
  const turns = await TurnWatch.start({ scenario: name, claim, turnWithinMs: limits.turnWithinMs });
  const stage = new Stage({ factory, limits, redis, turns });
  const wrong: string[] = [];
  try {
    await scenario.play(stage);
  } catch (error) {
    wrong.push(messageOf(error));
  }
  wrong.push(...(await stage.close()));
  const ms = systemClock.now() - beganAt;
  await redis?.stop();
  const verdict = wrong.length === 0 ? "held" : "broken";
  return { check: { name, claim, verdict, detail: wrong.join("\n"), ms }, service: stage.serviceName };
};

/**
 * Drives services that `factory` makes through every state and fault, and reports which claims of the contract held: hooks in
 * pairs, signals obeyed, deadlines kept, nothing left behind. Resolves with the report, also where the service breaks every claim. Rejects with a
 * `TypeError` for an unknown option, an unknown name in `only` and where no scenario is left, and with `SG_ERR_REDIS_SERVER_MISSING` where the machine
 * has no Redis server. A service that conforms takes about ten seconds, one that hangs longer. Call it once at a time in a process:
 * it watches the handles and the listeners of the whole process.
 *
 * A service that blocks the event loop for longer than `turnWithinMs` breaks its claim. After ten times that no turn is expected any more:
 * a thread writes the scenario and the hook to standard error and kills the process with SIGKILL (137 in a shell), since nothing else
 * ends a blocked event loop; then there is no report. With a debugger attached neither is measured.
 *
 * ```ts
 * const report = await conformance((overrides) => new MyTier({ ...overrides }));
 * assertConforms(report); // throws with String(report) as the message
 * ```
 */
export const conformance = async (factory: ServiceFactory, options: ConformanceOptions = {}): Promise<ConformanceReport> => {
  const limits = limitsOf(options);
  const played: Played[] = [];
  for (const scenario of scenariosFor(options)) {
    played.push(await play(scenario, factory, limits));
    // a factory that makes no service fails every scenario in the same way
    if (played.at(-1)!.service === "") break;
  }
  const service = played.at(-1)?.service || "the service";
  return new ConformanceReport(
    service,
    played.map(({ check }) => check),
  );
};
