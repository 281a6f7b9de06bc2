/** What `up` reports. The board, the plain lines and the JSON lines are three writers over the same facts. */

/** One service as the board shows it. */
export interface ServiceView {
  readonly name: string;
  readonly tier: string;
  /** the service's state in its own chart while its process lives, else its supervisor's: `backingOff`, `givenUp`, `ended`, `stopped` */
  readonly state: string;
  /** the state with the phase within it: `starting.tools` */
  readonly phase: string;
  /** when it came to this phase, ms since the epoch */
  readonly since: number;
  readonly pid: number | undefined;
  readonly healthPort: number;
  readonly port: number | undefined;
  readonly restarts: number;
  /** why the last process ended that was not asked to */
  readonly trouble: string;
}

/** The fleet's own Redis. */
export interface RedisView {
  /** its supervisor's state, but `running` where that is `up` */
  readonly state: string;
  readonly pid: number | undefined;
  readonly restarts: number;
  readonly trouble: string;
}

/** How one service stopped. */
export interface ServiceEnding {
  readonly name: string;
  /** `shutdown`, `completed`, `failed`; `killed` and `given up` where it could not say */
  readonly outcome: string;
  readonly reason: string;
  readonly exitCode: number | null;
  /** ms from being asked to stop; 0 if it was not asked */
  readonly ms: number;
  /** it ended as it should */
  readonly ok: boolean;
}

export type UpFact =
  | { readonly type: "port.taken"; readonly whose: string; readonly taken: readonly number[]; readonly port: number }
  | { readonly type: "notice"; readonly message: string }
  | {
      readonly type: "fleet.starting";
      readonly redis: string;
      readonly isOwnRedis: boolean;
      readonly web?: string;
      readonly gateway?: string;
      readonly logs?: string;
      readonly services: readonly ServiceView[];
    }
  | { readonly type: "service.changed"; readonly service: ServiceView }
  | { readonly type: "service.lost"; readonly service: ServiceView; readonly cause: string }
  | { readonly type: "redis.changed"; readonly redis: RedisView }
  | { readonly type: "fleet.ready"; readonly ms: number; readonly web?: string; readonly gateway?: string }
  | { readonly type: "fleet.stopping"; readonly reason: string }
  | {
      readonly type: "fleet.stopped";
      readonly services: readonly ServiceEnding[];
      readonly exitCode: number;
      readonly logs?: string;
    };

export interface Writer {
  write(fact: UpFact): void;
  /** Lets go of the terminal. Nothing is written afterwards. */
  close(): void;
}
