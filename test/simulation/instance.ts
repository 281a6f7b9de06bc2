/** A production service in a simulated process, and who watches it. */
import { silentLogger } from "../../src/logger.ts";
import { StargazerService, seams } from "../../src/service/service.ts";
import type { HookContext, ServiceOptions } from "../../src/service/types.ts";
import type { VirtualClock } from "./clock.ts";
import type { HookName } from "./hooks.ts";
import { HookActors } from "./hooks.ts";
import type { Accuse } from "./invariants.ts";
import type { Journal } from "./journal.ts";
import type { InstancePlan, Settings } from "./plan.ts";
import { VirtualProcess } from "./process.ts";
import { Random } from "./random.ts";
import type { SimulatedServer } from "./server.ts";
import type { Tally } from "./tally.ts";
import { WallClock } from "./wall-clock.ts";
import { Weather } from "./weather.ts";
import { Witness } from "./witness.ts";
import { SimulatedWorld } from "./world.ts";

export interface InstanceOptions {
  readonly plan: InstancePlan;
  readonly settings: Settings;
  readonly trouble: number;
  /** which identity, and which boot of it */
  readonly identity: number;
  readonly boot: number;
  /** whether its wall clock is set while it lives */
  readonly isClockSet: boolean;
  readonly clock: VirtualClock;
  readonly server: SimulatedServer;
  readonly journal: Journal;
  readonly tally: Tally;
  readonly accuse: Accuse;
}

export const serviceName = "simulated";
export const instanceIdOf = (identity: number): string => `id-${identity}`;
/** hexadecimal, as the registry wants it */
export const bootIdOf = (identity: number, boot: number): string => `${identity}${boot}00`;

class SimulatedService extends StargazerService {
  readonly #hooks: HookActors;

  constructor(options: ServiceOptions, hooks: HookActors) {
    super(options);
    this.#hooks = hooks;
    if (hooks.has("onDrain")) this.onDrain = (context) => hooks.perform("onDrain", context);
  }

  protected override onStart(context: HookContext): Promise<void> {
    return this.#hooks.perform("onStart", context);
  }

  protected override run(context: HookContext): Promise<void> {
    return this.#hooks.perform("run", context);
  }

  protected override onStop(context: HookContext): Promise<void> {
    return this.#hooks.perform("onStop" satisfies HookName, context);
  }
}

/** Constructs a service in `init`; nothing has happened to it yet. */
export const createInstance = (options: InstanceOptions): Witness => {
  const { plan, settings, trouble, identity, boot, isClockSet, clock, server, journal, tally, accuse } = options;
  const process = new VirtualProcess(clock);
  const random = new Random(plan.seed);
  // a stream of its own: a life in which the clock is set draws as one in which it is not
  const wallRandom = new Random(~plan.seed);
  const met = (fault: string) => witness.met(fault);
  const wall = new WallClock({ clock, random: wallRandom.fork(), isSet: isClockSet, met });
  const serviceClock = process.createClock(wall, wallRandom.below(1_000_000_000));
  const who = `${identity}/${boot}`;
  const witness: Witness = new Witness({ who, settings, clock, process, serviceClock, wall, journal, tally, accuse });
  const weather = new Weather({ random: random.fork(), trouble, met });
  const instance = instanceIdOf(identity);
  const world = new SimulatedWorld({
    ...{ clock, process, plan, server, weather, instance, watcher: witness },
    service: serviceName,
    boot: bootIdOf(identity, boot),
    pid: 100 * identity + boot,
    leaseTtlMs: settings.leaseTtlMs,
  });
  const given = {
    ...optionsOf(settings, instance),
    [seams]: { resources: world, clock: serviceClock, random: chanceOf(random.fork(), plan, witness) },
  };
  const { tier, callers } = witness;
  const hooks = new HookActors({ clock, process, plan, watcher: tier, shutdown: (reason) => callers.shutdown(reason) });
  witness.watch(new SimulatedService(given, hooks), world);
  return witness;
};

const optionsOf = ({ redis, ...times }: Settings, instanceId: string): ServiceOptions => ({
  serviceName,
  instanceId,
  healthPort: 0,
  healthHost: "127.0.0.1",
  ...times,
  redis: redis === "none" ? null : "redis://simulated",
  redisRequired: redis === "required",
  logger: silentLogger,
});

const chanceOf = (random: Random, { chanceFailsAt }: InstancePlan, witness: Witness): (() => number) => {
  if (chanceFailsAt === undefined) return random.next;
  let draws = 0;
  return () => {
    draws += 1;
    if (draws <= chanceFailsAt) return random.next();
    witness.chanceFailed();
    throw new Error("no chance");
  };
};
