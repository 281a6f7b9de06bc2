/** How arrows are called in a picture, and which of them share a line. */
import type { Arrow, Chart, ChartState, Kind } from "./graph.ts";

/** One event on a line: `done [isOk]`. */
export interface Word {
  /** of the arrows that it stands for */
  readonly id: string;
  readonly kind: Kind;
  readonly text: string;
  /** with its brackets, or empty */
  readonly guard: string;
}

/** All arrows with the same ends. */
export interface Bundle {
  readonly source: string;
  readonly target: string;
  readonly words: readonly Word[];
}

/** `done` says enough in a state that invokes one actor: its box names it. */
const actorWord = (verb: string, actor: string, state: ChartState): string =>
  state.invokes.length === 1 && state.invokes[0] === actor ? verb : `${actor} ${verb}`;

/** The event of an arrow in people's words: `pingRedis done`, `after bootJitter`. */
export const eventWord = ({ event, source }: Pick<Arrow, "event" | "source">, state?: ChartState): string => {
  const [, verb, what] = /^xstate\.(done|error)\.actor\.(.+)$/.exec(event) ?? [];
  if (verb !== undefined && what !== undefined) return state === undefined ? `${what} ${verb}` : actorWord(verb, what, state);
  if (event.startsWith("xstate.done.state.")) return "done";
  return event.replace(/^xstate\.after\./, "after ").replace(new RegExp(`\\.${source.replaceAll(".", "\\.")}$`), "");
};

/** The same event that leads to the same place with and without a guard is said once, without. */
const isSaidAlready = (arrow: Arrow, arrows: readonly Arrow[]): boolean =>
  arrow.guard !== undefined && arrows.some(({ id, guard }) => id === arrow.id && guard === undefined);

/** The last of several: taken when no guard before it holds. */
export const isElse = ({ id, source, event, guard }: Arrow, arrows: readonly Arrow[]): boolean =>
  guard === undefined &&
  arrows.some((other) => other.source === source && other.event === event && other.guard !== undefined && other.id !== id);

const guardWord = (arrow: Arrow, arrows: readonly Arrow[]): string =>
  arrow.guard !== undefined ? `[${arrow.guard}]` : isElse(arrow, arrows) ? "[else]" : "";

const wordsOf = (arrows: readonly Arrow[], { arrows: all, states, root }: Chart): Word[] =>
  arrows
    .filter((arrow) => !isSaidAlready(arrow, all))
    .map((arrow) => ({
      id: arrow.id,
      kind: arrow.kind,
      text: eventWord(
        arrow,
        [root, ...states].find(({ id }) => id === arrow.source),
      ),
      guard: guardWord(arrow, all),
    }));

export const bundlesOf = (chart: Chart): Bundle[] => {
  const bundles = new Map<string, Arrow[]>();
  for (const arrow of chart.arrows.filter(({ isInternal }) => !isInternal)) {
    const ends = `${arrow.source} ${arrow.target}`;
    bundles.set(ends, [...(bundles.get(ends) ?? []), arrow]);
  }
  return [...bundles.values()].map((arrows) => ({
    source: arrows[0]!.source,
    target: arrows[0]!.target,
    words: wordsOf(arrows, chart),
  }));
};

/** What a state does without being left. */
export const reactionsOf = (state: ChartState, chart: Chart): Word[] =>
  wordsOf(
    chart.arrows.filter(({ source, isInternal }) => isInternal && source === state.id),
    chart,
  );

/** The colour of a line: that of its happy way, or of its only kind. */
export const kindOfLine = (words: readonly Word[]): Kind | "mixed" => {
  if (words.some(({ kind }) => kind === "done")) return "done";
  return new Set(words.map(({ kind }) => kind)).size === 1 ? words[0]!.kind : "mixed";
};
