/** How a chart declares an actor: by its name and types. The implementation is provided in `src/`. */
import type { NonReducibleUnknown, PromiseActorLogic } from "xstate";
import { fromPromise } from "xstate";

/** A promise actor without an implementation. Where none was provided, the actor rejects with its own name. */
export const declared = <Output = void, Input = NonReducibleUnknown>(name: string): PromiseActorLogic<Output, Input> =>
  fromPromise<Output, Input>(() => Promise.reject(new Error(`actor '${name}' was not provided`)));
