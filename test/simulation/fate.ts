/** Puts a plan on the clock: what befalls the server and each instance, and when. */
import { StargazerError } from "../../src/errors.ts";
import type { Audit } from "./audit.ts";
import type { VirtualClock } from "./clock.ts";
import { instanceIdOf, serviceName } from "./instance.ts";
import type { Journal } from "./journal.ts";
import type { Call, InstancePlan, ServerEvent } from "./plan.ts";
import type { SimulatedServer } from "./server.ts";
import type { Tally } from "./tally.ts";
import type { Witness } from "./witness.ts";

/** Schedules the calls, waits, pauses and the death of one instance. */
export const foretell = (clock: VirtualClock, plan: InstancePlan, witness: Witness): void => {
  const { process, callers } = witness;
  const at = (ms: number, what: string, act: () => void) => clock.schedule(act, plan.bootAt + ms, what, process);
  foretellShutdowns(clock, plan, witness);
  if (plan.call !== "never") at(0, "a caller boots it", () => boot(plan, witness));
  if (plan.waitsFor) {
    const { waitsFor } = plan;
    const patience = new AbortController();
    at(0, "a caller waits", () => void callers.waitFor(waitsFor, patience.signal));
    at(5000, "the caller waits no more", () => patience.abort());
  }
  for (const { at: from, ms, timersFirst } of plan.pauses) {
    clock.schedule(() => pause(witness), plan.bootAt + from, "a pause");
    clock.schedule(() => process.resume({ timersFirst }), plan.bootAt + from + ms, "a pause ends");
  }
  if (plan.crashAt !== undefined) clock.schedule(() => crash(witness), plan.bootAt + plan.crashAt, "SIGKILL");
};

const foretellShutdowns = (clock: VirtualClock, { bootAt, shutdowns }: InstancePlan, witness: Witness): void => {
  const { process, callers } = witness;
  const later = (call: Call, ms: number) => clock.schedule(() => callers.shutdown(reasonOf(call)), ms, call.reason, process);
  for (const call of shutdowns) {
    if (call.at === "init") later(call, bootAt + call.behindMs);
    else if (typeof call.at === "number") later(call, bootAt + call.at);
  }
  const onStates = shutdowns.filter(({ at }) => typeof at === "string" && at !== "init");
  witness.onState = (state) => {
    for (const call of onStates) {
      if (call.at !== state) continue;
      if (call.behindMs === 0) callers.shutdown(reasonOf(call));
      else later(call, call.behindMs);
    }
  };
};

const boot = ({ call }: InstancePlan, { callers }: Witness): void => {
  if (call === "both" || call.startsWith("boot")) void callers.boot();
  if (call === "boot twice") void callers.boot();
  if (call === "boot, then runToCompletion" || call === "both" || call === "runToCompletion") callers.runToCompletion();
  if (call === "both") callers.runToCompletion();
};

const reasonOf = ({ reason }: Call): string | Error => {
  if (reason === "an error") return new Error("the caller saw an error");
  return reason === "uncaught" ? new StargazerError("SG_ERR_UNCAUGHT", "uncaught: something") : reason;
};

const pause = (witness: Witness): void => {
  witness.met("process paused");
  witness.process.pause();
};

const crash = (witness: Witness): void => {
  if (witness.isOver) return;
  witness.met("process killed");
  witness.process.crash();
};

export interface ServerFate {
  readonly clock: VirtualClock;
  readonly server: SimulatedServer;
  readonly audit: Audit;
  readonly journal: Journal;
  readonly tally: Tally;
}

/** Something happens to Redis. */
export const befall = ({ clock, server, audit, journal, tally }: ServerFate, { what, ms }: ServerEvent): void => {
  tally.fault(`redis: ${what}`);
  journal.note("redis", what);
  const later = (act: () => void) => clock.schedule(act, ms, `redis: ${what} is over`);
  switch (what) {
    case "freeze":
      server.freeze();
      later(() => server.thaw());
      break;
    case "forget scripts":
      server.forgetScripts();
      break;
    case "entry deleted":
      server.registry.delete(`sg:registry:service:${serviceName}:${instanceIdOf(0)}`);
      break;
    case "flush":
      server.registry.flush();
      audit.flushed();
      break;
    default:
      server.kill({ keepsData: what === "kill, data kept" });
      if (what === "kill") audit.flushed();
      later(() => server.start());
  }
};
