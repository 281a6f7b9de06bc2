/** What a process does with a service, past the class of the tier. */
import type { StateName } from "../../machines/index.ts";
import type { StatusReport } from "./report/status.ts";
import type { StopReport } from "./types.ts";

/** Leads from a service to its base class, also to that of another copy of this package. */
export const baseClass: unique symbol = Symbol.for("stargazer.base");

/** As the base class has them: a tier may have a method or field of its own that is named `shutdown`, `status` or `state`. */
export interface Reins {
  readonly state: StateName;
  shutdown(reason: string | Error): Promise<StopReport>;
  status(): StatusReport;
  saveFlight(folder: string): void;
}

/** Those of a service; of one without a way to its base class, the service itself. */
export const reinsOf = (service: Reins): Reins => {
  const base = (service as { readonly [baseClass]?: Reins })[baseClass];
  if (base === undefined) return service;
  return {
    get state() {
      return Reflect.get(base, "state", service) as StateName;
    },
    shutdown: (reason) => base.shutdown.call(service, reason),
    status: () => base.status.call(service),
    saveFlight: (folder) => base.saveFlight.call(service, folder),
  };
};
