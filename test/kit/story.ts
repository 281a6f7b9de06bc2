/** The steps of a chart on a list of events, by pure transitions: no timers, no actors. */
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from "xstate";
import { initialTransition, transition } from "xstate";
import { statePath } from "../../machines/index.ts";

type Event = { readonly type: string; readonly [key: string]: unknown };
/** An event, or `pingRedis done`, `pingRedis error`, `renewLease done ok`, `after pingTimeout`, `boot`. */
export type Cue = string | Event;

interface Action {
  readonly type: string;
  readonly params: Readonly<Record<string, unknown>> | undefined;
}

/** What every story's actors fail with. */
export const trouble = new Error("trouble");

const eventOf = (cue: Cue, snapshot: AnyMachineSnapshot): Event => {
  if (typeof cue !== "string") return cue;
  const [, actor, end, answer] = /^(\w+) (done|error)(?: (\w+))?$/.exec(cue) ?? [];
  if (actor !== undefined && end === "error") return { type: `xstate.error.actor.${actor}`, error: trouble };
  if (actor !== undefined)
    return { type: `xstate.done.actor.${actor}`, ...(answer !== undefined && { output: { type: answer } }) };
  const [, delay] = /^after (\w+)$/.exec(cue) ?? [];
  if (delay === undefined) return { type: cue };
  const known = (snapshot._nodes as AnyStateNode[]).flatMap((node) => node.ownEvents);
  return { type: known.find((type) => type.startsWith(`xstate.after.${delay}.`)) ?? `no arrow: ${cue}` };
};

/** `lease.lost gone`: an event with what it carries */
const textOf = ({ type, ...rest }: Event): string =>
  [type, ...Object.values(rest).map((value) => (typeof value === "string" ? value : JSON.stringify(value)))].join(" ");

/** empty for the input of a lease, which is too long for a line */
const carried = (input: unknown): string =>
  input === undefined || "parent" in (input as object) ? "" : ` ${JSON.stringify(input)}`;

/** phases, states and failures of the lifecycle are left out of a step's text; they are in `facts` */
const isElsewhere = (fact: Event): boolean => /^(state|phase|failed|degraded)\b/.test(fact.type);
const factOf = ({ type, params }: Action): Event[] => (type === "xstate.emit" ? [params!.event as Event] : []);

const nameOf = (actor: unknown): string => (actor as { id?: string } | undefined)?.id ?? "unknown";

const effects: Readonly<Record<string, (params: NonNullable<Action["params"]>) => string>> = {
  "xstate.raise": ({ event, delay }) => `${(event as Event).type.split(".")[2]} in ${delay}`,
  "xstate.spawnChild": ({ id, input }) => `start ${id}${carried(input)}`,
  "xstate.stopChild": ({ id }) => `stop ${id}`,
  "xstate.sendTo": ({ targetId, to, event }) => `${targetId ?? nameOf(to)} <- ${textOf(event as Event)}`,
  "xstate.emit": ({ event }) => `emit ${textOf(event as Event)}`,
};

/** an action that a later one of the same step cancels, where the step passes through a state */
const isTakenBack = ({ type, params }: Action, at: number, all: readonly Action[]): boolean => {
  const has = (other: string, key: string) => (action: Action) => action.type === other && action.params?.[key] === params?.id;
  if (type === "xstate.raise") return all.slice(at).some(has("xstate.cancel", "sendId"));
  if (type === "xstate.spawnChild") return all.slice(at).some(has("xstate.stopChild", "id"));
  return type === "xstate.stopChild" && all.slice(0, at).some(has("xstate.spawnChild", "id"));
};

/** the actions of a step as text, without cancelled timers and children that have already ended */
const textsOf = (actions: readonly Action[]): string[] =>
  actions
    .filter(({ type, params }) => type !== "xstate.cancel" && params !== undefined)
    .filter((action) => !factOf(action).some(isElsewhere))
    .filter((action) => !isTakenBack(action, actions.indexOf(action), actions))
    .map(({ type, params }) => effects[type]?.(params!) ?? type);

/** The next cue in a state, or none at the end of the story. */
type Script = (snapshot: AnyMachineSnapshot) => Cue | undefined;

/**
 * Plays the cues, and returns each step with its state and actions, its facts, and the last snapshot. `cues` may be a function of
 * the state. `turn(n)` is called before step n, so that a test can advance its clock.
 */
export const story = <M extends AnyStateMachine>(
  machine: M,
  input: unknown,
  cues: readonly Cue[] | Script,
  turn = (_: number) => {},
) => {
  const queue = typeof cues === "function" ? [] : [...cues];
  const next: Script = typeof cues === "function" ? cues : () => queue.shift();
  turn(0);
  let [snapshot, actions] = initialTransition(machine, input as never) as unknown as [AnyMachineSnapshot, Action[]];
  const steps = [[statePath(snapshot), ...textsOf(actions)].join(" | ")];
  const facts = [actions.flatMap(factOf)];
  for (let cue = next(snapshot); cue !== undefined; cue = next(snapshot)) {
    turn(steps.length);
    const event = eventOf(cue, snapshot);
    if (!snapshot.can(event as never)) throw new Error(`${textOf(event)} has no arrow in ${statePath(snapshot)}`);
    [snapshot, actions] = transition(machine, snapshot as never, event as never) as unknown as [AnyMachineSnapshot, Action[]];
    const name = typeof cue === "string" ? cue : textOf(cue);
    steps.push([`${name} -> ${statePath(snapshot)}`, ...textsOf(actions)].join(" | "));
    facts.push(actions.flatMap(factOf));
  }
  return { steps, facts, snapshot: snapshot as ReturnType<M["transition"]> };
};
