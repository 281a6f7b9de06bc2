/** One world from one seed: its server, its instances, what befalls them, until all have stopped and nothing is on the wire. */

import { StargazerError } from "../../src/errors.ts";
import { silentLogger } from "../../src/logger.ts";
import { StargazerService, seams } from "../../src/service/service.ts";
import type { HookContext, ServiceOptions } from "../../src/service/types.ts";
import { Audit } from "./audit.ts";
import { VirtualClock } from "./clock.ts";
import { HookActors } from "./hooks.ts";
import type { Invariant, Violation } from "./invariants.ts";
import { Journal } from "./journal.ts";
import type { Call, IdentityPlan, InstancePlan, ServerEvent, Settings, WorldPlan } from "./plan.ts";
import { planOf } from "./plan.ts";
import { VirtualProcess } from "./process.ts";
import { pump } from "./pump.ts";
import { Random } from "./random.ts";
import { SimulatedServer } from "./server.ts";
import type { Tally } from "./tally.ts";
import type { Uncaught } from "./uncaught.ts";
import { Weather } from "./weather.ts";
import { Witness } from "./witness.ts";
import { SimulatedWorld } from "./world.ts";

export interface LifeOptions {
  readonly seed: number;
  readonly tally: Tally;
  readonly uncaught: Uncaught;
  /** keep the lines of the journal */
  readonly isReadable?: boolean;
  /** false: a registry that forgets goodbyes, to see that the invariants notice */
  readonly hasTombstones?: boolean;
}

export interface Life {
  readonly seed: number;
  /** how many services lived in it */
  readonly lifecycles: number;
  readonly steps: number;
  readonly virtualMs: number;
  readonly hash: string;
  readonly violations: readonly Violation[];
  readonly lines: readonly string[];
}

const serviceName = "simulated";
/** after this many steps a world is called stuck */
const manySteps = 50_000;

class SimulatedService extends StargazerService {
  readonly #hooks: HookActors;

  constructor(options: ServiceOptions, hooks: HookActors) {
    super(options);
    this.#hooks = hooks;
  }

  protected override onStart(context: HookContext): Promise<void> {
    return this.#hooks.perform("onStart", context);
  }

  protected override run(context: HookContext): Promise<void> {
    return this.#hooks.perform("run", context);
  }

  protected override onStop(context: HookContext): Promise<void> {
    return this.#hooks.perform("onStop", context);
  }
}

/** Lives the world of a seed to its end. */
export const live = async (options: LifeOptions): Promise<Life> => {
  const world = new LivingWorld(options);
  await world.live();
  return world.outcome();
};

class LivingWorld {
  readonly #options: LifeOptions;
  readonly #plan: WorldPlan;
  readonly #clock = new VirtualClock();
  readonly #journal: Journal;
  readonly #audit: Audit;
  readonly #server: SimulatedServer;
  readonly #random: Random;
  readonly #people: Witness[] = [];
  /** by their boot id */
  readonly #boots = new Map<string, Witness>();
  readonly #violations: Violation[] = [];
  #steps = 0;

  constructor(options: LifeOptions) {
    this.#options = options;
    this.#plan = planOf(options.seed);
    this.#journal = new Journal(this.#clock, { readable: options.isReadable ?? false });
    this.#audit = new Audit({ clock: this.#clock, accuse: this.#accuse });
    this.#random = new Random(this.#plan.seed);
    this.#server = new SimulatedServer({
      clock: this.#clock,
      random: this.#random.fork(),
      skewMs: this.#plan.skewMs,
      hasTombstones: options.hasTombstones ?? true,
      onApplied: (applied) => {
        const [, boot = ""] = applied.args;
        this.#journal.note("redis", `${applied.script} of boot ${boot}: ${String(applied.reply)}`);
        this.#audit.applied(applied);
      },
    });
  }

  async live(): Promise<void> {
    for (const [number, identity] of this.#plan.identities.entries()) this.#settle(number, identity);
    for (const event of this.#plan.serverEvents) this.#clock.schedule(() => this.#befall(event), event.at, event.what);
    this.#options.uncaught.onError = (error) => this.#accuse("nothing thrown past everyone", "node", String(error));
    await pump(this.#step);
    this.#judge();
  }

  outcome(): Life {
    const { hash, lines } = this.#journal;
    return {
      seed: this.#options.seed,
      lifecycles: this.#people.length,
      steps: this.#steps,
      virtualMs: this.#clock.now,
      hash,
      violations: this.#violations,
      lines,
    };
  }

  /** One timer; by the next call all that it set off has happened, and is judged then. */
  readonly #step = (): boolean => {
    let alive = 0;
    for (const witness of this.#people) {
      witness.afterStep();
      if (!witness.isOver) alive += 1;
    }
    this.#audit.afterStep();
    this.#steps += 1;
    if (this.#steps > manySteps || (alive === 0 && this.#server.underWay === 0)) return false;
    return this.#clock.step(this.#beforeTimer);
  };

  #judge(): void {
    for (const witness of this.#people) {
      witness.atTheEnd();
      this.#options.tally.outcome(witness.report?.outcome ?? "crashed");
    }
    for (const number of this.#plan.identities.keys())
      this.#audit.atTheEnd(this.#server, `sg:registry:service:${serviceName}:id-${number}`, this.#boots, this.#isCalm);
  }

  /** Nothing goes wrong with Redis or a process in this world, so everybody has to have been able to say goodbye. */
  get #isCalm(): boolean {
    const { trouble, serverEvents } = this.#plan;
    return trouble === 0 && serverEvents.length === 0;
  }

  #settle(number: number, { settings, boots }: IdentityPlan): void {
    const brothers: Witness[] = [];
    for (const [at, plan] of boots.entries()) {
      const boot = `${number}${at}`.padEnd(4, "0");
      const witness = this.#inhabit({
        plan,
        settings,
        boot,
        instance: `id-${number}`,
        who: `${number}/${at}`,
        pid: 100 * number + at,
      });
      for (const brother of brothers) this.#audit.twins(brother, witness, settings);
      brothers.push(witness);
      this.#people.push(witness);
      this.#boots.set(boot, witness);
    }
  }

  #inhabit({ plan, settings, boot, instance, who, pid }: Inhabitant): Witness {
    const { tally } = this.#options;
    const clock = this.#clock;
    const process = new VirtualProcess(clock);
    const serviceClock = process.createClock();
    const witness = new Witness({
      who,
      settings,
      clock,
      process,
      serviceClock,
      journal: this.#journal,
      tally,
      accuse: this.#accuse,
    });
    const random = new Random(plan.seed);
    const weather = new Weather({ random: random.fork(), trouble: this.#plan.trouble, met: (fault) => witness.met(fault) });
    const { leaseTtlMs } = settings;
    const common = { clock, process, plan, watcher: witness };
    const world = new SimulatedWorld({
      ...common,
      server: this.#server,
      weather,
      service: serviceName,
      instance,
      boot,
      pid,
      leaseTtlMs,
    });
    const { redis, ...rest } = settings;
    const service = new SimulatedService(
      {
        serviceName,
        instanceId: instance,
        healthPort: 0,
        healthHost: "127.0.0.1",
        ...rest,
        redis: redis === "none" ? null : "redis://simulated",
        redisRequired: redis === "required",
        logger: silentLogger,
        [seams]: { world, clock: serviceClock, random: chanceOf(random.fork(), plan, witness) },
      } as ServiceOptions,
      new HookActors(common),
    );
    witness.watch(service, world);
    this.#foretell(plan, witness, process);
    return witness;
  }

  /** Schedules what its plan has in store for an instance. */
  #foretell(plan: InstancePlan, witness: Witness, process: VirtualProcess): void {
    const at = (ms: number, what: string, act: () => void) => this.#clock.schedule(act, plan.bootAt + ms, what, process);
    for (const call of plan.shutdowns)
      if (call.at === "init" && call.behindMs === 0) at(0, call.reason, () => witness.shutdown(reasonOf(call)));
    if (plan.call !== "never") at(0, "a caller boots it", () => boot(plan, witness));
    if (plan.waitsFor) {
      const { waitsFor } = plan;
      const signal = new AbortController();
      at(0, "somebody waits", () => void witness.waitFor(waitsFor, signal.signal));
      at(5000, "somebody waits no more", () => signal.abort());
    }
    for (const call of plan.shutdowns) {
      if (typeof call.at === "number") at(call.at, call.reason, () => witness.shutdown(reasonOf(call)));
    }
    const onStates = plan.shutdowns.filter((call) => typeof call.at === "string");
    witness.onState = (state) => {
      for (const call of onStates) {
        if (call.at !== state) continue;
        if (call.behindMs === 0) witness.shutdown(reasonOf(call));
        else this.#clock.schedule(() => witness.shutdown(reasonOf(call)), call.behindMs, call.reason, process);
      }
    };
    for (const { at: from, ms, timersFirst } of plan.pauses) {
      this.#clock.schedule(() => this.#pause(witness, process), plan.bootAt + from, "a pause");
      this.#clock.schedule(() => process.resume({ timersFirst }), plan.bootAt + from + ms, "a pause ends");
    }
    if (plan.crashAt !== undefined)
      this.#clock.schedule(() => this.#crash(witness, process), plan.bootAt + plan.crashAt, "SIGKILL");
  }

  #pause(witness: Witness, process: VirtualProcess): void {
    witness.met("process paused");
    process.pause();
  }

  #crash(witness: Witness, process: VirtualProcess): void {
    if (witness.isOver) return;
    witness.met("process killed");
    process.crash();
  }

  #befall({ what, ms }: ServerEvent): void {
    this.#options.tally.fault(`redis: ${what}`);
    this.#journal.note("redis", what);
    const later = (act: () => void) => this.#clock.schedule(act, ms, `redis: ${what} is over`);
    if (what === "freeze") {
      this.#server.freeze();
      later(() => this.#server.thaw());
    } else if (what === "forget scripts") this.#server.forgetScripts();
    else if (what === "entry deleted") this.#server.registry.delete(`sg:registry:service:${serviceName}:id-0`);
    else if (what === "flush") {
      this.#server.registry.flush();
      this.#audit.flushed();
    } else {
      const keepsData = what === "kill, data kept";
      this.#server.kill({ keepsData });
      if (!keepsData) this.#audit.flushed();
      later(() => this.#server.start());
    }
  }

  readonly #beforeTimer = (label: string): void => {
    if (this.#options.isReadable) this.#journal.aside("", `- ${label}`);
  };

  readonly #accuse = (invariant: Invariant, who: string, detail: string): void => {
    const isKnown = this.#violations.some((violation) => violation.invariant === invariant && violation.who === who);
    if (isKnown || this.#violations.length > 20) return;
    this.#journal.aside(who, `VIOLATION of "${invariant}": ${detail}`);
    this.#violations.push({ invariant, who, detail, atMs: this.#clock.now });
  };
}

interface Inhabitant {
  readonly plan: InstancePlan;
  readonly settings: Settings;
  readonly boot: string;
  readonly instance: string;
  readonly who: string;
  readonly pid: number;
}

const boot = ({ call }: InstancePlan, witness: Witness): void => {
  if (call === "both" || call.startsWith("boot")) void witness.boot();
  if (call === "boot twice") void witness.boot();
  if (call === "boot, then runToCompletion" || call === "both" || call === "runToCompletion") witness.runToCompletion();
  if (call === "both") witness.runToCompletion();
};

const reasonOf = ({ reason }: Call): string | Error => {
  if (reason === "an error") return new Error("the caller saw an error");
  return reason === "uncaught" ? new StargazerError("SG_ERR_UNCAUGHT", "uncaught: something") : reason;
};

const chanceOf = (random: Random, { chanceFailsAt }: InstancePlan, witness: Witness): (() => number) => {
  if (chanceFailsAt === undefined) return random.next;
  let draws = 0;
  return () => {
    draws += 1;
    if (draws <= chanceFailsAt) return random.next();
    witness.evidence.chanceFailed = true;
    witness.met("chance throws: the chart fails");
    throw new Error("no chance");
  };
};
