/** One thing that is done to a service, and what has to be so whatever it does. */
import type { Stage } from "./stage.ts";

export interface Scenario {
  readonly name: string;
  readonly claim: string;
  /** only for services that use Redis */
  readonly needsRedis?: boolean;
  play(stage: Stage): Promise<void>;
}
