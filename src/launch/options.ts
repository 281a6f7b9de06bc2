/** What `launch` takes beside one service. */
import type { StargazerService } from "../service/service.ts";

/** An instance, or a factory, whose configuration error is printed and exits 2. */
export type Launchable = StargazerService | (() => StargazerService);

/** A service of a group, and the services that it needs. */
export interface LaunchMember {
  readonly service: Launchable;
  /**
   * Names (`serviceName`) of services of the group: this one boots once all of them are running, and they stop once it has stopped. A
   * name that several of them share means all of those. Default: none.
   */
  readonly after?: readonly string[] | undefined;
}

/** How a group is run. */
export interface LaunchOptions {
  /**
   * What the failure of a service ends. `together`: every service of the group. `apart`: the services that come after the one that
   * failed, directly or not; the others go on. Default `together`.
   */
  readonly fail?: "together" | "apart" | undefined;
}
