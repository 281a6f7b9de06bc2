/** One thing that is done to a service, and the claim that has to hold for every service. */
import type { Stage } from "./stage.ts";

export interface Scenario {
  readonly name: string;
  readonly claim: string;
  /** only for services that use Redis */
  readonly needsRedis?: boolean;
  play(stage: Stage): Promise<void>;
}
