/** How a chart declares an actor: by its name and types. The implementation is provided in `src/`. */
import type { AnyEventObject, CallbackActorLogic, EventObject, NonReducibleUnknown, PromiseActorLogic } from "xstate";
import { fromCallback, fromPromise } from "xstate";

const notProvided = (name: string): Error => new Error(`actor '${name}' was not provided`);

/** A promise actor without an implementation. Where none was provided, the actor rejects with its own name. */
export const declared = <Output = void, Input = NonReducibleUnknown>(name: string): PromiseActorLogic<Output, Input> =>
  fromPromise<Output, Input>(() => Promise.reject(notProvided(name)));

/** A callback actor without an implementation; `Command` is what the chart sends to it. Where none was provided, it throws its own name. */
export const declaredCallback = <Command extends EventObject = AnyEventObject, Input = NonReducibleUnknown>(
  name: string,
): CallbackActorLogic<Command, Input> =>
  fromCallback<Command, Input>(() => {
    throw notProvided(name);
  });
