/** Plays every scenario with a service, and writes down which claims held. */
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

const all: readonly Scenario[] = [...lives, ...cuts, ...hookFaults, ...redisFaults];

/** The scenarios' names, for the option `only`. */
export const scenarioNames: readonly string[] = all.map(({ name }) => name);

/** Throws a TypeError for a name that is none, and where none is left: what is not played must not look like success. */
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

/** Plays one scenario with a Redis of its own. */
export const play = async (scenario: Scenario, factory: ServiceFactory, limits: Limits): Promise<Played> => {
  const redis = limits.redis ? await TestRedis.start() : undefined;
  const beganAt = performance.now();
  const stage = new Stage({ factory, limits, redis });
  const wrong: string[] = [];
  try {
    await scenario.play(stage);
  } catch (error) {
    wrong.push(messageOf(error));
  }
  wrong.push(...(await stage.close()));
  const ms = performance.now() - beganAt;
  await redis?.stop();
  const { name, claim } = scenario;
  const verdict = wrong.length === 0 ? "held" : "broken";
  return { check: { name, claim, verdict, detail: wrong.join("\n"), ms }, service: stage.serviceName };
};

/**
 * Drives services that `factory` makes through every state and fault, and reports which claims of the contract held: hooks in
 * pairs, signals obeyed, deadlines kept, nothing left behind. Resolves with the report, whatever the service does; rejects only
 * where there is no Redis to start. Takes about ten seconds for a service that conforms, longer for one that hangs. One at a time in a process.
 *
 * ```ts
 * const report = await conformance((overrides) => new MyTier({ ...overrides }));
 * assertConforms(report); // its message is String(report), for people
 * ```
 */
export const conformance = async (factory: ServiceFactory, options: ConformanceOptions = {}): Promise<ConformanceReport> => {
  const limits = limitsOf(options);
  const played: Played[] = [];
  for (const scenario of scenariosFor(options)) {
    played.push(await play(scenario, factory, limits));
    // a factory that makes nothing would be told so once for each scenario
    if (played.at(-1)!.service === "") break;
  }
  const service = played.at(-1)?.service || "the service";
  return new ConformanceReport(
    service,
    played.map(({ check }) => check),
  );
};
