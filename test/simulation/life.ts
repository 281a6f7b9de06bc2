/** One world from one seed: its server and its instances, until all have stopped and nothing is on the wire. */
import { registryKeys } from "../../src/registry/keys.ts";
import { Audit } from "./audit.ts";
import type { Timer } from "./clock.ts";
import { VirtualClock } from "./clock.ts";
import { arrival } from "./connection.ts";
import { befall, foretell } from "./fate.ts";
import { bootIdOf, createInstance, instanceIdOf, serviceName } from "./instance.ts";
import type { Invariant, Violation } from "./invariants.ts";
import { Journal } from "./journal.ts";
import type { IdentityPlan, WorldPlan } from "./plan.ts";
import { planOf } from "./plan.ts";
import { pump } from "./pump.ts";
import { Random } from "./random.ts";
import { SimulatedServer } from "./server.ts";
import type { Tally } from "./tally.ts";
import type { Uncaught } from "./uncaught.ts";
import type { Witness } from "./witness.ts";

export interface LifeOptions {
  readonly seed: number;
  readonly tally: Tally;
  readonly uncaught: Uncaught;
  /** keep the lines of the journal */
  readonly isReadable?: boolean;
  /** false: a registry that ignores deregistration, to see that the invariants notice */
  readonly hasTombstones?: boolean;
  /** false: no wall clock is set; the life has to be the same */
  readonly isClockSet?: boolean;
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

/** after this many steps a world is called stuck */
const manySteps = 50_000;

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
    this.#server = new SimulatedServer({
      clock: this.#clock,
      random: new Random(this.#plan.seed),
      skewMs: this.#plan.skewMs,
      hasTombstones: options.hasTombstones ?? true,
      onApplied: (applied) => {
        this.#journal.note("redis", `${applied.script} of boot ${applied.args[1]}: ${String(applied.reply)}`);
        this.#audit.applied(applied);
      },
    });
  }

  async live(): Promise<void> {
    const { tally, uncaught } = this.#options;
    const fate = { clock: this.#clock, server: this.#server, audit: this.#audit, journal: this.#journal, tally };
    for (const [number, identity] of this.#plan.identities.entries()) this.#settle(number, identity);
    for (const event of this.#plan.serverEvents) this.#clock.schedule(() => befall(fate, event), event.at, event.what);
    uncaught.onError = (error) => this.#accuse("nothing thrown past everyone", "node", String(error));
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

  /** One timer, and before it what only the server does; by the next call all that it set off has happened, and is judged. */
  readonly #step = (): boolean => {
    let alive = 0;
    for (const witness of this.#people) {
      witness.afterStep();
      if (!witness.isOver) alive += 1;
    }
    this.#audit.afterStep();
    if (this.#steps > manySteps || (alive === 0 && this.#server.underWay === 0)) return false;
    let timer: Timer | undefined;
    do {
      this.#steps += 1;
      timer = this.#clock.step(this.#beforeTimer);
    } while (timer?.label === arrival);
    return timer !== undefined;
  };

  readonly #beforeTimer = (label: string): void => {
    if (this.#options.isReadable) this.#journal.aside("", `- ${label}`);
  };

  #judge(): void {
    for (const witness of this.#people) {
      witness.atTheEnd();
      this.#options.tally.outcome(witness.report?.outcome ?? "crashed");
    }
    // without trouble in Redis every delete has to have been confirmed
    const isCalm = this.#plan.trouble === 0 && this.#plan.serverEvents.length === 0;
    const keys = registryKeys({ isCluster: false });
    for (const number of this.#plan.identities.keys())
      this.#audit.atTheEnd(this.#server, keys.service(serviceName, instanceIdOf(number)), this.#boots, isCalm);
  }

  #settle(identity: number, { settings, boots }: IdentityPlan): void {
    const earlier: Witness[] = [];
    for (const [boot, plan] of boots.entries()) {
      const witness = createInstance({
        ...{ plan, settings, identity, boot, trouble: this.#plan.trouble, accuse: this.#accuse },
        isClockSet: this.#options.isClockSet ?? true,
        ...{ clock: this.#clock, server: this.#server, journal: this.#journal, tally: this.#options.tally },
      });
      foretell(this.#clock, plan, witness);
      for (const older of earlier) this.#audit.compare(older, witness, settings);
      earlier.push(witness);
      this.#people.push(witness);
      this.#boots.set(bootIdOf(identity, boot), witness);
    }
  }

  readonly #accuse = (invariant: Invariant, who: string, detail: string): void => {
    const isKnown = this.#violations.some((violation) => violation.invariant === invariant && violation.who === who);
    if (isKnown || this.#violations.length > 20) return;
    this.#journal.aside(who, `VIOLATION of "${invariant}": ${detail}`);
    this.#violations.push({ invariant, who, detail, atMs: this.#clock.now });
  };
}
