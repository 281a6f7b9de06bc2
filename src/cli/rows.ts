/** The rows of a fleet as the command line picks and shows them. */
import { authority } from "../address.ts";
import { cleanLine } from "../clean.ts";
import { explain } from "../instances/explain.ts";
import type { Row } from "../instances/row.ts";
import { isDeath, isEndKind } from "../journal/outcomes.ts";
import type { RegistryEntry } from "../registry/registry.ts";
import type { Wanted } from "./instance.ts";
import { absentFrom } from "./instance.ts";
import type { Paint } from "./terminal.ts";
import { columnsWithin, duration, table, wrapped } from "./terminal.ts";

/** Whether nothing of the instance runs any more. */
export const isOver = ({ kind }: Row): boolean => isEndKind(kind);

export const byName = (a: Row, b: Row): number => (a.name < b.name ? -1 : Number(a.name > b.name));

/** ms for which an instance that failed is listed with its service */
const newsMs = 600_000;

/** Whether the instance lives, or failed or was killed a short while ago. */
export const isNews = (row: Row, now: number): boolean => !isOver(row) || (row.kind !== "ended" && now - row.end!.at < newsMs);

/** Of an instance: its row, else those whose names begin so. Of a service: those that live or failed a short while ago, else the last that ended. */
export const rowsOf = (rows: readonly Row[], { service, instance }: Wanted, now: number): Row[] => {
  const own = rows.filter((row) => row.service === service).sort(byName);
  if (instance !== "") {
    const exact = own.filter((row) => row.instance === instance);
    return exact.length > 0 ? exact : own.filter((row) => row.instance.startsWith(instance));
  }
  const news = own.filter((row) => isNews(row, now));
  return news.length > 0 ? news : own.sort((a, b) => b.end!.at - a.end!.at).slice(0, 1);
};

/** As `rowsOf`; throws `SG_ERR_REGISTRY` where there is none, with the name that was meant. */
export const rowsMeant = (rows: readonly Row[], wanted: Wanted, now: number, label: string): Row[] => {
  const found = rowsOf(rows, wanted, now);
  if (found.length === 0) throw absentFrom(rows, wanted, `known in ${label}`);
  return found;
};

/** The notice of a command that could read the registry only. */
export const journalMissing = (reason: string): string =>
  `the journal cannot be read, so instances that boot or have ended are missing: ${reason}`;

const titles = ["SERVICE", "STATE", "FOR", "READY", "RELEASE", "HEALTH", "PID", "HOST", "INSTANCE", "WHY"];

const colourOf = (row: Row): Parameters<Paint>[0] => {
  if (isDeath(row.kind)) return "red";
  if (row.kind === "ended") return "dim";
  return row.ready === true ? "green" : "yellow";
};

const readyWord = ({ ready }: Row): string => (ready === null ? "?" : ready ? "yes" : "no");

/** The sentence, except for an instance that is ready and holds its lease. */
const whyOf = (row: Row, now: number): string => (row.ready === true && row.lease.state === "held" ? "" : explain(row, now));

const none = "-";

/** Columns that a narrow terminal lacks, the first one first. */
const spare = ["WHY", "HOST", "PID", "HEALTH", "RELEASE", "FOR"].map((title) => titles.indexOf(title));
const sentenceColumn = titles.length - 1;

/** The columns for a terminal of that width: those that have anything in them, and without the sentence where that has no room in each row. */
const columnsFor = (rows: readonly (readonly string[])[], width: number): readonly number[] => {
  const used = titles.flatMap((_, column) => (rows.slice(1).some((row) => row[column] !== none) ? [column] : []));
  return columnsWithin(rows, used, { width, spare });
};

/** The table for a terminal: a sentence that has no room in its row stands below it. */
const tableFor = (rows: readonly (readonly string[])[], width: number, paint: PaintCell): string[] => {
  const columns = columnsFor(rows, width);
  const [head = "", ...lines] = table(
    rows.map((row) => columns.map((column) => row[column]!)),
    { width, paint: (line, place, text) => paint(line, columns[place]!, text) },
  );
  if (columns.includes(sentenceColumn)) return [head, ...lines];
  const below = (sentence: string) =>
    sentence === "" ? [] : wrapped(cleanLine(sentence), width - 2).map((line) => `  ${line}`.slice(0, width));
  return [head, ...lines.flatMap((line, at) => [line, ...below(rows[at + 1]![sentenceColumn]!)])];
};

export interface Listing {
  readonly now: number;
  /** the entries of those that are registered, by `service:instance` */
  readonly entries: ReadonlyMap<string, RegistryEntry>;
  readonly width?: number | undefined;
  readonly paint: Paint;
}

type PaintCell = (line: number, column: number, text: string) => string;

/** The titles and one line a row, on a terminal also lines below it; nothing where there is no row. */
export const rowTable = (rows: readonly Row[], { now, entries, width, paint }: Listing): string[] => {
  if (rows.length === 0) return [];
  const lines = rows.map((row) => {
    const health = entries.get(row.name)?.health ?? null;
    return [
      row.service,
      row.state,
      duration(Math.max(0, now - (row.end?.at ?? row.since))),
      readyWord(row),
      row.version || none,
      health === null ? none : authority(health),
      row.pid === 0 ? none : String(row.pid),
      row.host || none,
      row.instance,
      whyOf(row, now),
    ];
  });
  const painted: PaintCell = (line, column, text) =>
    line === 0 ? paint("bold", text) : column === 1 ? paint(colourOf(rows[line - 1]!), text) : text;
  const all = [titles, ...lines];
  return width === undefined ? table(all, { paint: painted }) : tableFor(all, width, painted);
};

/** A row for programs, without its history. */
export const plainRow = (row: Row, now: number): object => {
  const { lane: _lane, boots: _boots, phases: _phases, moments: _moments, ...plain } = row;
  return { ...plain, sentence: explain(row, now) };
};
