/** Every error that Stargazer raises, and every code it may carry. */

export { messageOf } from "../machines/thrown.ts";

/** The closed list of codes. An error says what happened, to what, and what to do. */
export const errorCodes = [
  "SG_ERR_CONFIG_INVALID",
  "SG_ERR_USAGE",
  "SG_ERR_ILLEGAL_TRANSITION",
  "SG_ERR_STATE_UNREACHABLE",
  "SG_ERR_BOOT_ABORTED",
  "SG_ERR_REDIS_UNREACHABLE",
  "SG_ERR_REDIS_SERVER_MISSING",
  "SG_ERR_START_FAILED",
  "SG_ERR_START_TIMEOUT",
  "SG_ERR_HEALTH_PORT_IN_USE",
  "SG_ERR_HEALTH_OPEN_FAILED",
  "SG_ERR_RUN_FAILED",
  "SG_ERR_SUPERSEDED",
  "SG_ERR_REGISTRY",
  "SG_ERR_MESSAGE_INVALID",
  "SG_ERR_STOP_FAILED",
  "SG_ERR_STOP_TIMEOUT",
  "SG_ERR_DRAIN_TIMEOUT",
  "SG_ERR_UNCAUGHT",
  "SG_ERR_FAILED",
  "SG_ERR_INTERNAL",
] as const;
export type ErrorCode = (typeof errorCodes)[number];

export interface StargazerErrorOptions {
  /** the phase it happened in, `starting` or `stopping.unwinding` for example */
  readonly phase?: string;
  readonly cause?: unknown;
}

/** An error of Stargazer's own. No secret is in it: a Redis URL is shown without its password. */
export class StargazerError extends Error {
  override readonly name = "StargazerError";
  readonly code: ErrorCode;
  readonly phase: string | undefined;

  constructor(code: ErrorCode, message: string, { phase, cause }: StargazerErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.phase = phase;
  }

  toJSON(): { code: ErrorCode; phase: string | undefined; message: string } {
    return { code: this.code, phase: this.phase, message: this.message };
  }
}
