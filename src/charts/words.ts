/** How arrows are named in a picture, and which of them share a line. */
import type { Arrow, Chart, ChartState, Kind } from "./graph.ts";

/** One event of a word, in the colour of its kind. */
export interface Part {
  readonly kind: Kind;
  readonly text: string;
}

/** What stands beside a line: one event, or several that do the same: `done, error or deadline [isOk]`. */
export interface Word {
  /** of the arrows that it stands for */
  readonly ids: readonly string[];
  readonly kind: Kind | "mixed";
  readonly parts: readonly Part[];
  /** with its brackets, or empty */
  readonly guard: string;
  /** every event by its whole name, for a tooltip */
  readonly title: string;
}

/** `, ` or ` or ` before the part at `index` of `count`; nothing before the first. */
export const joinBefore = (index: number, count: number): string => {
  if (index === 0) return "";
  return index === count - 1 ? " or " : ", ";
};

/** A word as plain text. */
export const textOf = ({ parts, guard }: Word): string => {
  const events = parts.map(({ text }, index) => `${joinBefore(index, parts.length)}${text}`).join("");
  return [events, guard].filter(Boolean).join(" ");
};

/** All arrows with the same ends. */
export interface Bundle {
  readonly source: string;
  readonly target: string;
  readonly words: readonly Word[];
}

/** `done` is enough in a state that invokes one actor, since its box names the actor. */
const actorWord = (verb: string, actor: string, state: ChartState): string =>
  state.invokes.length === 1 && state.invokes[0] === actor ? verb : `${actor} ${verb}`;

/** The event of an arrow as it is read: `pingRedis done`, `after bootJitter`. */
export const eventWord = ({ event, source }: Pick<Arrow, "event" | "source">, state?: ChartState): string => {
  const [, verb, what] = /^xstate\.(done|error)\.actor\.(.+)$/.exec(event) ?? [];
  if (verb !== undefined && what !== undefined) return state === undefined ? `${what} ${verb}` : actorWord(verb, what, state);
  if (event.startsWith("xstate.done.state.")) return "done";
  return event.replace(/^xstate\.after\./, "after ").replace(new RegExp(`\\.${source.replaceAll(".", "\\.")}$`), "");
};

/** Whether the same arrow also exists without a guard; the guarded one is then not shown. */
const isRepeated = (arrow: Arrow, arrows: readonly Arrow[]): boolean =>
  arrow.guard !== undefined && arrows.some(({ id, guard }) => id === arrow.id && guard === undefined);

/** Whether an arrow is the last of several for its event, taken when no guard before it holds. */
export const isElse = ({ id, source, event, guard }: Arrow, arrows: readonly Arrow[]): boolean =>
  guard === undefined &&
  arrows.some((other) => other.source === source && other.event === event && other.guard !== undefined && other.id !== id);

const guardWord = (arrow: Arrow, arrows: readonly Arrow[]): string =>
  arrow.guard !== undefined ? `[${arrow.guard}]` : isElse(arrow, arrows) ? "[else]" : "";

const wordOf = (arrow: Arrow, { arrows, states, root }: Chart): Word => {
  const text = eventWord(
    arrow,
    [root, ...states].find(({ id }) => id === arrow.source),
  );
  const guard = guardWord(arrow, arrows);
  const title = [eventWord(arrow), guard].filter(Boolean).join(" ");
  return { ids: [arrow.id], kind: arrow.kind, parts: text === "" ? [] : [{ kind: arrow.kind, text }], guard, title };
};

const endings: readonly Kind[] = ["done", "error", "deadline"];

/** Words of one family are merged: the ends of actors with one guard, and facts with one prefix and guard. */
const familyOf = ({ ids, kind, parts, guard }: Word): string => {
  const text = parts[0]?.text ?? "";
  if (kind !== "mixed" && endings.includes(kind)) return `ending ${guard}`;
  return kind === "fact" && !text.endsWith("*") ? `${text.split(".")[0]} ${guard}` : `${ids.join(" ")} ${guard}`;
};

/** `after startTimeout` beside other endings is `deadline`; `lease.lost` beside `lease.held` is `lost`. */
const shortened = ({ kind, text }: Part, index: number): Part => {
  if (kind === "deadline") return { kind, text: "deadline" };
  return { kind, text: kind === "fact" && index > 0 ? text.slice(text.indexOf(".") + 1) : text };
};

const merged = (words: readonly Word[]): Word => {
  const [first, ...others] = words as [Word, ...Word[]];
  if (others.length === 0) return first;
  const parts = words.flatMap((word) => word.parts);
  const rank = ({ kind }: Part) => endings.indexOf(kind);
  const unlike = parts.filter((part, at) => parts.findIndex(({ kind, text }) => kind === part.kind && text === part.text) === at);
  return {
    ids: words.flatMap(({ ids }) => ids),
    kind: new Set(parts.map(({ kind }) => kind)).size === 1 ? first.kind : "mixed",
    parts: unlike.sort((one, two) => rank(one) - rank(two)).map(shortened),
    guard: first.guard,
    title: words.map(({ title }) => title).join("\n"),
  };
};

const wordsOf = (arrows: readonly Arrow[], chart: Chart): Word[] => {
  const families = new Map<string, Word[]>();
  for (const arrow of arrows.filter((each) => !isRepeated(each, chart.arrows))) {
    const word = wordOf(arrow, chart);
    families.set(familyOf(word), [...(families.get(familyOf(word)) ?? []), word]);
  }
  return [...families.values()].map(merged);
};

/** Whether an arrow leads back to where it starts: a reaction, not a line. */
const staysIn = ({ isInternal, source, target }: Arrow): boolean => isInternal || source === target;

export const bundlesOf = (chart: Chart): Bundle[] => {
  const bundles = new Map<string, Arrow[]>();
  for (const arrow of chart.arrows.filter((each) => !staysIn(each))) {
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
  chart.arrows
    .filter((arrow) => staysIn(arrow) && arrow.source === state.id && !isRepeated(arrow, chart.arrows))
    .map((arrow) => wordOf(arrow, chart));

/** The kind that colours a line: `done` if it occurs, else the only kind, else mixed. */
export const kindOfLine = (words: readonly Word[]): Kind | "mixed" => {
  if (words.some(({ parts }) => parts.some(({ kind }) => kind === "done"))) return "done";
  return new Set(words.map(({ kind }) => kind)).size === 1 ? words[0]!.kind : "mixed";
};
