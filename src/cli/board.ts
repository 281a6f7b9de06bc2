/** The live board: one line for each service, redrawn in place; all other lines scroll above it. */

import { hasStopped, isRunning } from "../../machines/index.ts";
import type { FleetFact, ServiceView } from "../fleet/index.ts";
import type { Writer } from "./lines.ts";
import { linesOf } from "./lines.ts";
import { redraw, widthOf } from "./print.ts";
import { duration, paintFor, table } from "./terminal.ts";

/** A terminal, as far as the board needs one. */
export interface Screen {
  readonly isTTY?: boolean;
  /** 0 where the size is unknown */
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

const titles = ["SERVICE", "STATE", "PHASE", "FOR", "PID", "PORT", ""];
const refreshMs = 1000;

const colourOf = (state: string): "green" | "red" | "yellow" | "dim" => {
  if (isRunning(state)) return "green";
  if (state === "givenUp" || state === "backingOff") return "red";
  return hasStopped(state) || state === "ended" ? "dim" : "yellow";
};

/** A service, and when that view of it came, by the clock that measures. */
interface Shown {
  readonly service: ServiceView;
  readonly since: number;
}

const rowOf = ({ service, since }: Shown, now: number): string[] => [
  service.name,
  service.state,
  service.phase === service.state ? "" : service.phase.slice(service.state.length + 1),
  duration(now - since),
  String(service.pid ?? "-"),
  [service.port, service.healthPort].filter((port) => port !== undefined).join(", ") || "-",
  [service.trouble, ...(service.restarts > 0 ? [`restarts: ${service.restarts}`] : [])].filter(Boolean).join(", "),
];

/** A writer that redraws its board every second and at each change; `close` ends that. `now`: ms of a monotonic clock. */
export const createBoard = (screen: Screen, now: () => number = () => performance.now()): Writer => {
  const services = new Map<string, Shown>();
  const paint = paintFor(screen);
  /** the widths of the lines that were drawn last */
  let drawn: readonly number[] = [];
  const board = (): string[] => {
    const views = [...services.values()];
    if (views.length === 0) return [];
    const colour = (row: number, column: number, cell: string) =>
      row === 0 ? paint("bold", cell) : column === 1 ? paint(colourOf(views[row - 1]!.service.state), cell) : cell;
    return table([titles, ...views.map((view) => rowOf(view, now()))], { width: (screen.columns || 80) - 1, paint: colour });
  };
  /** Redrawing moves the cursor up by the height of the board: it has to fit on the screen, with the line of the cursor below it. */
  const clipped = (lines: string[]): string[] => {
    const room = Math.max(0, (screen.rows || 24) - 1);
    if (lines.length <= room) return lines;
    return room < 2 ? [] : [...lines.slice(0, room - 1), paint("dim", `and ${lines.length - room + 1} more`)];
  };
  /** A terminal that was made narrower since has broken the lines that no longer fit. */
  const height = (): number => {
    const columns = screen.columns || Number.POSITIVE_INFINITY;
    return drawn.reduce((rows, width) => rows + Math.max(1, Math.ceil(width / columns)), 0);
  };
  const draw = (above: readonly string[] = []): void => {
    const lines = clipped(board());
    redraw(screen, height(), [...above, ...lines]);
    drawn = lines.map(widthOf);
  };
  const timer = setInterval(draw, refreshMs).unref();
  const note = (service: ServiceView) => void services.set(service.name, { service, since: now() });
  const write = (fact: FleetFact): void => {
    if (fact.type === "fleet.starting") for (const service of fact.services) note(service);
    // the table that follows has how each one stopped
    if (fact.type === "fleet.stopped") services.clear();
    if (fact.type === "service.changed") {
      note(fact.service);
      draw();
    } else draw(linesOf(fact));
  };
  return { write, close: () => clearInterval(timer) };
};
