/** Every error that Stargazer raises, and every code it may carry. */

export { messageOf } from "../machines/thrown.ts";

/** The closed list of codes. The message of an error names what happened, to what, and what to do. */
export const errorCodes = [
  /** An option, an environment variable or an argument is wrong; the message lists every problem. */
  "SG_ERR_CONFIG_INVALID",
  /** A command of the CLI was used wrongly; the exit code is 2. */
  "SG_ERR_USAGE",
  /** The call is not allowed in the state where the service is; the message lists what is. */
  "SG_ERR_ILLEGAL_TRANSITION",
  /** `waitFor`: the service can no longer enter that state. */
  "SG_ERR_STATE_UNREACHABLE",
  /** A shutdown ended the boot; everything begun has been undone. `cause` is the first failure, if there was one. */
  "SG_ERR_BOOT_ABORTED",
  /** Redis did not pass the ping gate, or did not answer in time. */
  "SG_ERR_REDIS_UNREACHABLE",
  /** No `redis-server` or `valkey-server` was found to start an embedded Redis with. */
  "SG_ERR_REDIS_SERVER_MISSING",
  /** `onStart` threw or rejected; `cause` is its error. */
  "SG_ERR_START_FAILED",
  /** `onStart` did not finish within `startTimeoutMs`. */
  "SG_ERR_START_TIMEOUT",
  /** Another process listens on the health port. */
  "SG_ERR_HEALTH_PORT_IN_USE",
  /** A metric of the service's own has a name of Stargazer's; the message names them. */
  "SG_ERR_METRICS_CLASH",
  /** The health server did not open, for another reason or within `healthTimeoutMs`. */
  "SG_ERR_HEALTH_OPEN_FAILED",
  /** `run` threw or rejected; `cause` is its error. */
  "SG_ERR_RUN_FAILED",
  /** A newer boot of the same instance id has taken the registry entry; the message names its host and pid. */
  "SG_ERR_SUPERSEDED",
  /** The registry could not be read, or Redis did not confirm a write; the outcome of the write is unknown. */
  "SG_ERR_REGISTRY",
  /** A message does not have the form that its stream requires. */
  "SG_ERR_MESSAGE_INVALID",
  /** `onStop` or a deferred release threw or rejected; `cause` is its error. */
  "SG_ERR_STOP_FAILED",
  /** `onStop` or the deferred releases did not finish within their share of `stopTimeoutMs`. */
  "SG_ERR_STOP_TIMEOUT",
  /** `onDrain` threw or rejected; `cause` is its error. */
  "SG_ERR_DRAIN_FAILED",
  /** `onStart` or `run` outlived `drainTimeoutMs` after its signal aborted, or `onDrain` did not finish within `drainDelayMs`. */
  "SG_ERR_DRAIN_TIMEOUT",
  /** An uncaught exception or unhandled rejection stopped the service; `cause` is its error. */
  "SG_ERR_UNCAUGHT",
  /** An error without a code of Stargazer's was given to `shutdown`; `cause` is that error. */
  "SG_ERR_FAILED",
  /** Stargazer's own chart failed; the host undid what was begun. Please report it. */
  "SG_ERR_INTERNAL",
] as const;
/** A code of Stargazer's own. */
export type ErrorCode = (typeof errorCodes)[number];

/** What a `StargazerError` carries beside its code and message. */
export interface StargazerErrorOptions {
  /** the phase it happened in, `starting` or `stopping.unwinding` for example */
  readonly phase?: string;
  /** the error that led to this one */
  readonly cause?: unknown;
  /** what to do, in one sentence, where there is more to say than the message does */
  readonly advice?: string;
}

/** An error of Stargazer's own. No secret is in it: a Redis URL is shown without its password. */
export class StargazerError extends Error {
  override readonly name = "StargazerError";
  /** one of `errorCodes` */
  readonly code: ErrorCode;
  /** the phase it happened in; undefined outside of a service's life */
  readonly phase: string | undefined;
  /** what to do, in one sentence */
  declare readonly advice?: string;

  constructor(code: ErrorCode, message: string, { phase, cause, advice }: StargazerErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.phase = phase;
    if (advice !== undefined) this.advice = advice;
  }

  /** Code, phase and message, without the stack and the cause. */
  toJSON(): { code: ErrorCode; phase: string | undefined; message: string } {
    return { code: this.code, phase: this.phase, message: this.message };
  }
}
