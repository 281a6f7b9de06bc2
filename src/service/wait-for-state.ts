/** Waiting for a state of a service. */
import type { Subscription } from "xstate";
import type { LifecycleActor, LifecycleSnapshot, StateName } from "../../machines/index.ts";
import { finalState, isStopping, stateNames } from "../../machines/phases.ts";
import { canReach } from "../../machines/state.ts";
import { StargazerError } from "../errors.ts";
import { toError } from "./report/report.ts";
import type { StopReport } from "./types.ts";

interface Watched {
  readonly state: StateName;
  readonly snapshot: LifecycleSnapshot;
}

export interface StateWait {
  readonly host: Watched & { readonly report: Promise<StopReport>; readonly stopped: StopReport | undefined };
  readonly actor: LifecycleActor;
  readonly state: StateName;
  readonly signal: AbortSignal | undefined;
}

/**
 * Resolves in `state`; rejects at once if it can no longer come, with the first failure as `cause`, and when `signal` aborts. Throws
 * `SG_ERR_CONFIG_INVALID` for what is no state or no signal.
 */
export const waitForState = ({ host, actor, state, signal }: StateWait): Promise<void> => {
  demandWait(state, signal);
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      // equivalent mutant: it saves work: a settled promise stays settled
      settled = true;
      subscription?.unsubscribe();
      signal?.removeEventListener("abort", abort);
      act();
    };
    // equivalent mutant: only a signal calls it
    const abort = () => settle(() => reject(signal?.reason));
    const look = () => {
      const now = host.state;
      // equivalent mutant: it saves work: a settled promise stays settled
      if (settled) return;
      if (now === state) settle(resolve);
      else if (state === finalState) return;
      else if (!canReach(now, state)) settle(() => reject(unreachable(state, host)));
    };
    let settled = false;
    let subscription: Subscription | undefined;
    if (signal?.aborted) return abort();
    // equivalent mutant: every end removes the listener
    signal?.addEventListener("abort", abort, { once: true });
    // a chart that failed itself has stopped once the host has undone what was begun; only then is a callback left with the report
    const lookAgain = () => {
      look();
      void host.report.then(look);
    };
    subscription = actor.subscribe({ next: look, complete: look, error: lookAgain });
    if (host.snapshot.status === "error") lookAgain();
    else look();
  });
};

const demandWait = (state: unknown, signal: Partial<AbortSignal> | undefined): void => {
  const wrong = (message: string) => new StargazerError("SG_ERR_CONFIG_INVALID", message);
  if (!(stateNames as readonly unknown[]).includes(state))
    throw wrong(`'${String(state)}' is no state; the states are ${stateNames.join(", ")}.`);
  if (signal !== undefined && typeof signal?.addEventListener !== "function")
    throw wrong("waitFor takes { signal }, an AbortSignal, or nothing.");
};

const unreachable = (wanted: StateName, host: StateWait["host"]): StargazerError => {
  const cause = firstFailure(host);
  const because = cause === undefined ? "" : ` The first failure: ${cause.message}`;
  const message = `the state '${wanted}' can no longer come: the service is '${host.state}'.${because}`;
  return new StargazerError("SG_ERR_STATE_UNREACHABLE", message, { phase: host.state, cause });
};

/** The error of the report, or of the report to come. */
const firstFailure = ({ stopped, snapshot }: StateWait["host"]): StargazerError | undefined => {
  const [failure] = snapshot.context.failures;
  return stopped?.error ?? (failure && toError(failure));
};

/** True as soon as the service is ready, false as soon as that can no longer come. */
export const becomesReady = (host: Watched, actor: LifecycleActor): Promise<boolean> =>
  new Promise((resolve) => {
    let subscription: Subscription | undefined;
    const look = () => {
      const isReady = host.snapshot.status === "active" && host.snapshot.hasTag("ready");
      if (!isReady && host.snapshot.status === "active" && !isStopping(host.state)) return;
      subscription?.unsubscribe();
      resolve(isReady);
    };
    subscription = actor.subscribe({ next: look, complete: look, error: look });
    look();
  });
