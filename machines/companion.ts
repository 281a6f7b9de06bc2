/** A chart that runs beside a tier's work, as a child of the service's own: a leadership, for example. */
import type { AnyActorLogic, AnyActorRef } from "xstate";

/**
 * What a hook hands over to be spawned. Its chart gets `input` and the `parent` to which it sends its facts, takes the
 * `CompanionCommand`s, and has a `CompanionOutput`.
 */
export interface Companion {
  /** `leadership.summaries` */
  readonly name: string;
  /** the chart, with its effects provided */
  readonly logic: AnyActorLogic;
  /** what the chart is created with, beside its `parent` */
  readonly input: Readonly<Record<string, unknown>>;
}

/** `resign`: the request to end, as the drain begins. `cut`: the drain's deadline has passed, so the chart reports what it leaves and ends. */
export type CompanionCommand = { type: "resign" } | { type: "cut" };

/** What a companion's chart ends with. */
export interface CompanionOutput {
  /** the error that the hook gets, as it was thrown */
  readonly failure: { readonly error: unknown } | undefined;
}

const prefix = "companion.";

/** The id under which a companion is spawned. `count` distinguishes companions of one name. */
export const companionId = (name: string, count: number): string => `${prefix}${name}.${count}`;

/** The companions among a service's children; an actor that only stands for a service, as in a pure transition, has none. */
export const companionsAmong = (children: Readonly<Record<string, AnyActorRef | undefined>> = {}): AnyActorRef[] =>
  Object.values(children).filter((child): child is AnyActorRef => child?.id.startsWith(prefix) === true);

/** The id of the companion whose end that event is: `xstate.done.actor.companion.leadership.summaries.1`. */
export const endedCompanion = ({ type }: { readonly type: string }): string => type.replace(/xstate\.(done|error)\.actor\./, "");
