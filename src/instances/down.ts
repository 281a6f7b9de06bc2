/** Services that are down: instances of them were there, none takes work, and the last one that ended failed or was killed. */
import { isDeath, isEndKind } from "../journal/outcomes.ts";
import type { Row } from "./row.ts";

/** A service that is down, and the instance whose end shows why. */
export interface DownService {
  readonly service: string;
  /** `service:instance` */
  readonly last: string;
}

interface End {
  readonly name: string;
  readonly at: number;
  readonly isDeath: boolean;
}

/** How the instance ended: this boot, or the one before, where the instance that died boots again. Undefined where it runs. */
const endOf = ({ name, kind, end, boots }: Row): End | undefined => {
  if (isEndKind(kind)) return { name, at: end!.at, isDeath: isDeath(kind) };
  const before = boots[1];
  const isTrying = kind === "booting" && before !== undefined && isDeath(before.outcome);
  return isTrying ? { name, at: before.endedAt!, isDeath: true } : undefined;
};

/** The instances of one service that do not run, with their ends, and those that do. */
interface Service {
  readonly ends: Map<string, End>;
  readonly running: Set<string>;
}

/** Follows the rows of a fleet. A row that changes costs the same however many there are. */
export class DownServices {
  readonly #services = new Map<string, Service>();

  /** Takes a row in place of the last one of its name. */
  note(row: Row): void {
    const service = this.#services.get(row.service) ?? { ends: new Map(), running: new Set() };
    this.#services.set(row.service, service);
    const end = endOf(row);
    if (end === undefined) service.running.add(row.name);
    else service.running.delete(row.name);
    if (end === undefined) service.ends.delete(row.name);
    else service.ends.set(row.name, end);
  }

  /** Drops a row. `name`: `service:instance`. */
  remove(name: string): void {
    const key = name.slice(0, name.indexOf(":"));
    const service = this.#services.get(key);
    service?.ends.delete(name);
    service?.running.delete(name);
    if (service !== undefined && service.ends.size + service.running.size === 0) this.#services.delete(key);
  }

  /** In the order of their names. A service whose last instance was stopped is not down. */
  list(): DownService[] {
    const down: DownService[] = [];
    for (const [service, { ends, running }] of this.#services) {
      if (running.size > 0) continue;
      const last = [...ends.values()].reduce((newest, end) => (end.at >= newest.at ? end : newest));
      if (last.isDeath) down.push({ service, last: last.name });
    }
    return down.sort((a, b) => (a.service < b.service ? -1 : 1));
  }
}

/** The services that are down among all rows of a fleet. */
export const downServices = (rows: Iterable<Row>): DownService[] => {
  const services = new DownServices();
  for (const row of rows) services.note(row);
  return services.list();
};
