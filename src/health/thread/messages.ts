/** What the main thread and the probe thread send to each other. */
import type { PortAddress } from "../../../machines/health-port.machine.ts";
import type { Served } from "../../http/rule.cjs";
import type { Answer, Path } from "../answers.ts";

/** What the thread needs to answer probes. */
export interface ProbeSettings {
  /** the notice board */
  readonly memory: SharedArrayBuffer;
  /** ms that the main thread may be blocked before `/healthz` is 503 */
  readonly livenessBlockMs: number;
  /** ms that the main thread may be blocked before `/readyz` is 503 */
  readonly readinessBlockMs: number;
  /** the names under which it answers */
  readonly served: Served;
  /** headers of each answer */
  readonly headers: Readonly<Record<string, string>>;
}

export type ToThread =
  /** `steps`: how many ports after that one are tried where it is taken */
  | ({ readonly type: "listen"; readonly steps: number } & ProbeSettings & PortAddress)
  | { readonly type: "answer"; readonly id: number; readonly path: Path; readonly answer: Answer }
  | { readonly type: "end" };

export type FromThread =
  | { readonly type: "listening"; readonly address: PortAddress }
  /** `wanted`: where it was to listen */
  | { readonly type: "refused"; readonly wanted: PortAddress; readonly code: string | undefined; readonly message: string }
  | { readonly type: "asked"; readonly id: number; readonly path: Path }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "ended" };
