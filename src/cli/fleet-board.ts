/** The board of `fleet --watch`: the instances that live or have just failed, changed in place. */
import { downServices } from "../instances/down.ts";
import type { FleetMemory } from "../instances/memory.ts";
import type { Row } from "../instances/row.ts";
import type { Screen } from "./drawn.ts";
import { drawnOn } from "./drawn.ts";
import { byName, isOver, rowTable } from "./rows.ts";
import type { Paint } from "./terminal.ts";
import { duration, paintFor } from "./terminal.ts";

/** ms between two drawings, and for which one that has ended stays */
const drawEveryMs = 100;
const endedMs = 600_000;

/** Those that need a look first. */
const byNeed = (a: Row, b: Row): number => Number(a.ready === true) - Number(b.ready === true) || byName(a, b);

const downWords = (services: readonly string[]): string =>
  services.length === 0 ? "" : `, ${services.join(", ")} ${services.length === 1 ? "is" : "are"} down`;

/** Redraws at each change of the memory, some times a second at most; `close` ends that. */
export const createFleetBoard = (
  screen: Screen,
  memory: Pick<FleetMemory, "model" | "isCurrent" | "now" | "onChange">,
): { close(): void } => {
  const paint = paintFor(screen);
  /** nothing stands in colour that may no longer hold */
  const grey: Paint = (_colour, text) => paint("dim", text);
  /** when the board was last what Redis has; undefined before the first reading */
  let currentAt: number | undefined;
  const lines = (): string[] => {
    if (memory.isCurrent) currentAt = memory.now();
    if (currentAt === undefined) return ["reading the fleet"];
    const now = currentAt;
    const all = memory.model.rows();
    const rows = all.filter((row) => !isOver(row) || now - row.end!.at < endedMs);
    const ready = rows.filter((row) => row.ready === true).length;
    const away = memory.isCurrent ? "" : `  Redis does not answer; as it was ${duration(Math.max(0, memory.now() - now))} ago`;
    const down = downWords(downServices(all).map(({ service }) => service));
    const count = `${ready} of ${rows.filter((row) => !isOver(row)).length} ready`;
    const head = `${rows.length === 0 ? "no instance runs" : count}${down}${away}`;
    const width = (screen.columns || 80) - 1;
    return [
      paint("bold", head.slice(0, width)),
      ...rowTable(rows.sort(byNeed), { now, entries: new Map(), width, paint: memory.isCurrent ? paint : grey }),
    ];
  };
  const drawn = drawnOn(screen, lines);
  let pending: NodeJS.Timeout | undefined;
  const later = () => {
    pending ??= setTimeout(() => {
      pending = undefined;
      drawn.draw();
    }, drawEveryMs).unref();
  };
  const end = memory.onChange(later);
  return {
    close: () => {
      end();
      clearTimeout(pending);
      drawn.close();
    },
  };
};
