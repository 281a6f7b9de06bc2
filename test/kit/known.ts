/** What a chart says of each of its states, as lines for a table in a test. */
import type { AnyStateMachine, AnyStateNode } from "xstate";

interface Known {
  readonly waitsFor?: unknown;
  readonly deadline?: unknown;
  readonly tone?: unknown;
  readonly detail?: unknown;
}

const below = (node: AnyStateNode): AnyStateNode[] => [node, ...Object.values(node.states).flatMap(below)];
const textOf = (value: unknown): string => (typeof value === "function" ? "by context" : String(value));

/** `held.waiting [held] good: the next beat (heartbeatInterval)`, without what a state does not have. */
export const linesOf = (machine: AnyStateMachine): string[] =>
  below(machine.root).flatMap((node) => {
    const { waitsFor, deadline, tone, detail }: Known = node.meta ?? {};
    const parts = [
      node.tags.length > 0 && `[${node.tags.join(" ")}]`,
      tone !== undefined && `tone ${textOf(tone)}`,
      waitsFor !== undefined && `waits for ${textOf(waitsFor)}`,
      detail !== undefined && `detail ${textOf(detail)}`,
      deadline !== undefined && `within ${textOf(deadline)}`,
    ].filter((part) => part !== false);
    return parts.length === 0 ? [] : [[node.path.join("."), ...parts].join(" | ")];
  });
