/** A machine as plain JSON that Stately's editor imports: its config, with every action, guard, actor and delay by its name. */
import type { AnyStateMachine } from "xstate";
import { nameOf } from "./graph.ts";

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type Config = Readonly<Record<string, unknown>>;

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);
const mapOf = (value: unknown, to: (entry: unknown) => Json): Json =>
  Object.fromEntries(Object.entries(value as Config).map(([key, entry]) => [key, to(entry)]));

/** The name of an action or guard, with its parameters if they are data; computed parameters are left out. */
const partOf = (part: unknown): Json => {
  const params = (part as { params?: unknown } | null)?.params;
  return { type: nameOf(part), ...(params === undefined || typeof params === "function" ? {} : { params: plain(params) }) };
};

const plain = (value: unknown): Json => {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Error) return value.message;
  if (typeof value === "object" && value !== null) return mapOf(value, plain);
  return typeof value === "function" || value === undefined ? null : (value as Json);
};

/** A forbidden event has an empty transition. */
const transitionOf = (transition: unknown): Json => {
  if (transition === undefined) return {};
  if (typeof transition === "string") return { target: transition };
  const { target, guard, actions } = transition as Config;
  return {
    ...(target === undefined ? {} : { target: plain(target) }),
    ...(guard === undefined ? {} : { guard: partOf(guard) }),
    ...(actions === undefined ? {} : { actions: listOf(actions).map(partOf) }),
  };
};

const transitionsOf = (value: unknown): Json => (Array.isArray(value) ? value.map(transitionOf) : transitionOf(value));

const invokeOf = (invoke: unknown): Json => {
  const { src, id, onDone, onError } = invoke as Config;
  return {
    src: String(src),
    id: String(id ?? src),
    ...(onDone === undefined ? {} : { onDone: transitionsOf(onDone) }),
    ...(onError === undefined ? {} : { onError: transitionsOf(onError) }),
  };
};

/** The parts of a state's config that are written, each with its conversion to JSON. */
const parts: Readonly<Record<string, (value: unknown) => Json>> = {
  id: plain,
  description: plain,
  type: plain,
  initial: plain,
  meta: plain,
  tags: (tags) => listOf(tags).map(plain),
  entry: (entry) => listOf(entry).map(partOf),
  exit: (exit) => listOf(exit).map(partOf),
  invoke: (invoke) => listOf(invoke).map(invokeOf),
  always: transitionsOf,
  on: (on) => mapOf(on, transitionsOf),
  after: (after) => mapOf(after, transitionsOf),
  onDone: transitionsOf,
  states: (states) => mapOf(states, (state) => configOf(state as Config)),
};

const configOf = (config: Config): Json =>
  Object.fromEntries(Object.entries(parts).flatMap(([key, to]) => (config[key] === undefined ? [] : [[key, to(config[key])]])));

export const statelyOf = (machine: AnyStateMachine): string => `${JSON.stringify(configOf(machine.config as Config), null, 2)}\n`;
