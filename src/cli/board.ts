/** The live board: one line a service, drawn again in place; everything else scrolls above it. */

import type { ServiceView, UpFact, Writer } from "../fleet/facts.ts";
import { linesOf } from "./lines.ts";
import { duration, paintFor, plain, table } from "./terminal.ts";

/** A terminal, as far as the board needs one. */
export interface Screen {
  readonly isTTY?: boolean;
  /** 0 where it does not know */
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

const titles = ["SERVICE", "STATE", "PHASE", "FOR", "PID", "PORT", ""];
const refreshMs = 1000;

const colourOf = (state: string): "green" | "red" | "yellow" | "dim" => {
  if (state === "running") return "green";
  if (state === "givenUp" || state === "backingOff") return "red";
  return state === "stopped" || state === "ended" ? "dim" : "yellow";
};

const rowOf = (service: ServiceView, now: number): string[] => [
  service.name,
  service.state,
  service.phase === service.state ? "" : service.phase.slice(service.state.length + 1),
  duration(Math.max(0, now - service.since)),
  String(service.pid ?? "-"),
  service.port === undefined ? String(service.healthPort) : `${service.port}, ${service.healthPort}`,
  [service.trouble, ...(service.restarts > 0 ? [`restarts: ${service.restarts}`] : [])].filter(Boolean).join(", "),
];

export const createBoard = (screen: Screen, now: () => number = Date.now): Writer => {
  const services = new Map<string, ServiceView>();
  const paint = paintFor(screen);
  let drawn = 0;
  const erase = (): string => (drawn === 0 ? "" : `\u001b[${drawn}A\r\u001b[J`);
  const board = (): string[] => {
    const views = [...services.values()];
    if (views.length === 0) return [];
    const colour = (row: number, column: number, cell: string) =>
      row === 0 ? paint("bold", cell) : column === 1 ? paint(colourOf(views[row - 1]!.state), cell) : cell;
    return table([titles, ...views.map((view) => rowOf(view, now()))], { width: (screen.columns || 80) - 1, paint: colour });
  };
  /** A board is drawn again by going up its own height, which has to be there: the line below it, where the cursor is, too. */
  const clipped = (lines: string[]): string[] => {
    const room = Math.max(0, (screen.rows || 24) - 1);
    if (lines.length <= room) return lines;
    return room < 2 ? [] : [...lines.slice(0, room - 1), paint("dim", `and ${lines.length - room + 1} more`)];
  };
  const draw = (above: readonly string[] = []): void => {
    const lines = clipped(board());
    screen.write(`${erase()}${[...above.map(plain), ...lines].map((line) => `${line}\n`).join("")}`);
    drawn = lines.length;
  };
  const timer = setInterval(draw, refreshMs).unref();
  const write = (fact: UpFact): void => {
    if (fact.type === "fleet.starting") for (const service of fact.services) services.set(service.name, service);
    // how each one stopped is said by the table that follows
    if (fact.type === "fleet.stopped") services.clear();
    if (fact.type === "service.changed") {
      services.set(fact.service.name, fact.service);
      draw();
    } else draw(linesOf(fact));
  };
  return { write, close: () => clearInterval(timer) };
};
