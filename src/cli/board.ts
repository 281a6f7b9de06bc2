/** The live board of `up`: one line for each service, with the states that it has passed, redrawn in place. */

import { hasStopped, initialState, isBooting, isRunning, lifePartOf, stateNames } from "../../machines/index.ts";
import { cleanLine } from "../clean.ts";
import type { FleetFact, ServiceView } from "../fleet/index.ts";
import type { Drawn, Screen } from "./drawn.ts";
import { drawnOn } from "./drawn.ts";
import type { Writer } from "./lines.ts";
import { linesOf } from "./lines.ts";
import { columnsWithin, duration, paintFor, table, wrapped } from "./terminal.ts";

export type { Screen } from "./drawn.ts";

const titles = ["SERVICE", "INIT TO RUNNING", "STATE", "PHASE", "FOR", "PID", "PORT", ""];
const deathsColumn = titles.length - 1;

/** Columns that a narrow terminal lacks, the first one first: the deaths then have a line of their own. */
const spare = ["", "PID", "PORT", "FOR", "PHASE"].map((title) => titles.indexOf(title));

/** A service, and when that view of it came, by the clock that measures. */
interface Shown {
  readonly service: ServiceView;
  readonly since: number;
  /** the last state of its own chart: between two processes its supervisor is in another one */
  readonly phase: string;
  /** how far on the way to `running` its last process came */
  readonly reached: number;
}

/** Whether no process of it runs, but one is expected to. */
const isDown = ({ service }: Shown): boolean => lifePartOf(service.state) === undefined;

const stateOf = ({ phase }: Shown): string => phase.split(".", 1)[0]!;

const colourOf = (shown: Shown): "green" | "red" | "yellow" | "dim" => {
  if (isDown(shown)) return "red";
  if (isRunning(shown.phase)) return "green";
  return hasStopped(shown.phase) ? "dim" : "yellow";
};

/** The states from `init` to `running`. */
const way = stateNames.filter((state) => state === initialState || isBooting(state) || isRunning(state));

/** Its place among them; -1 for one that stops. */
const placeOf = (phase: string): number => way.indexOf(phase.split(".", 1)[0] as (typeof way)[number]);

/** `●━━●━━✕`: the states that were entered, and where the service is or how far its last process came. */
const wayOf = (shown: Shown): string => {
  const here = isDown(shown) ? "✕" : isRunning(shown.phase) ? "◉" : "●";
  return [...way.slice(0, shown.reached).map(() => "●"), here].join("━━");
};

/** A process that stops keeps the place that it had reached. */
const reachedBy = (phase: string, before: Shown | undefined): number => {
  const place = placeOf(phase);
  return place === -1 ? (before?.reached ?? 0) : place;
};

const times = (count: number): string => (count === 1 ? "once" : `${count} times`);

/** How often its processes ended, and what comes next. */
const deathsOf = (shown: Shown, now: number): string => {
  const { restarts, state, nextTryMs } = shown.service;
  const deaths = restarts + Number(isDown(shown) && state !== "ended");
  const died = deaths === 0 ? [] : [`died ${times(deaths)}`];
  const left = nextTryMs === null ? null : Math.max(0, nextTryMs - (now - shown.since));
  const next = left === null ? [] : [`next try in ${duration(left)}`];
  return [...died, ...next].join(", ");
};

const rowOf = (shown: Shown, now: number): string[] => {
  const { service, since, phase } = shown;
  return [
    service.name,
    wayOf(shown),
    stateOf(shown),
    phase.slice(stateOf(shown).length + 1),
    duration(now - since),
    String(service.pid ?? "-"),
    [service.port, service.healthPort].filter((port) => port !== undefined).join(", ") || "-",
    deathsOf(shown, now),
  ];
};

/** A writer that redraws its board every second and at each change; `close` ends that. `now`: ms of a monotonic clock. */
export const createBoard = (screen: Screen, now: () => number = () => performance.now()): Writer => {
  const services = new Map<string, Shown>();
  const paint = paintFor(screen);
  const lines = (): string[] => {
    const views = [...services.values()];
    if (views.length === 0) return [];
    const colour = (row: number, column: number, cell: string) =>
      row === 0 ? paint("bold", cell) : column === 1 || column === 2 ? paint(colourOf(views[row - 1]!), cell) : cell;
    const running = views.filter((view) => !isDown(view) && isRunning(view.phase)).length;
    const width = (screen.columns || 80) - 1;
    const all = [titles, ...views.map((view) => rowOf(view, now()))];
    const columns = columnsWithin(all, [...titles.keys()], { width, spare });
    const [head, ...rows] = table(
      all.map((row) => columns.map((column) => row[column]!)),
      { width, paint: (row, place, cell) => colour(row, columns[place]!, cell) },
    );
    // the cause has a line of its own below its service, and where there is no room its deaths have one too
    const belowOf = (view: Shown) => {
      const { trouble, cause } = view.service;
      const why = [trouble, cause].filter((part) => part !== "").join(": ");
      const words = [columns.includes(deathsColumn) ? "" : deathsOf(view, now()), why].filter((part) => part !== "").join("; ");
      return words === "" ? [] : wrapped(cleanLine(words), width - 2).map((line) => `  ${line}`.slice(0, width));
    };
    const counted = paint("bold", `${running} of ${views.length} running`);
    return [head!, ...rows.flatMap((row, at) => [row, ...belowOf(views[at]!)]), counted];
  };
  const drawn: Drawn = drawnOn(screen, lines);
  const note = (service: ServiceView) => {
    const known = lifePartOf(service.state) !== undefined;
    const phase = known ? service.phase : (services.get(service.name)?.phase ?? initialState);
    services.set(service.name, { service, since: now(), phase, reached: reachedBy(phase, services.get(service.name)) });
  };
  const write = (fact: FleetFact): void => {
    if (fact.type === "fleet.starting") for (const service of fact.services) note(service);
    // the table that follows has how each one stopped
    if (fact.type === "fleet.stopped") services.clear();
    if (fact.type === "service.changed") {
      note(fact.service);
      drawn.draw();
    } else drawn.draw(linesOf(fact));
  };
  return { write, close: () => drawn.close() };
};
