/** The leader's task as an actor: it outlives the state in which it began, so it is aborted by an event and reports its own end. */
import type { CallbackActorLogic } from "xstate";
import { fromCallback } from "xstate";
import type { LeadTerm, TaskCommand, TaskEnd } from "../../machines/index.ts";
import { nameOf } from "../../machines/thrown.ts";
import { forManyWaits } from "../until.ts";

/** A rejection after the abort that only repeats it means that the task has ended as asked. */
const isAbortOf = (signal: AbortSignal, error: unknown): boolean =>
  signal.aborted && (error === signal.reason || nameOf(error) === "AbortError");

/** Runs `task` for one term. Its signal aborts on `abort`, and when the actor is stopped. */
export const taskActor = (
  task: (term: LeadTerm & { readonly signal: AbortSignal }) => Promise<void> | void,
): CallbackActorLogic<TaskCommand, LeadTerm> =>
  fromCallback<TaskCommand, LeadTerm>(({ input: { fence }, sendBack, receive }) => {
    const abort = new AbortController();
    const end = (): void => abort.abort(new DOMException("the lead is lost or given up", "AbortError"));
    receive(end);
    void endOf(task, { fence, signal: forManyWaits(abort.signal) }).then(sendBack);
    return end;
  });

const endOf = async <Term extends { readonly signal: AbortSignal }>(
  task: (term: Term) => Promise<void> | void,
  term: Term,
): Promise<TaskEnd> => {
  try {
    await task(term);
  } catch (error) {
    if (!isAbortOf(term.signal, error)) return { type: "task.failed", error };
  }
  return { type: "task.ended" };
};
