/** Services that are down: instances of them were there, none takes work, and the last one that ended failed or was killed. */
import { isDeath, isEndKind } from "../journal/outcomes.ts";
import type { Row } from "./row.ts";

interface End {
  readonly at: number;
  readonly isDeath: boolean;
}

/** How the instance ended: this boot, or the one before, where the instance that died boots again. Undefined where it runs. */
const endOf = ({ kind, end, boots }: Row): End | undefined => {
  if (isEndKind(kind)) return { at: end!.at, isDeath: isDeath(kind) };
  const before = boots[1];
  const isTrying = kind === "booting" && before !== undefined && isDeath(before.outcome);
  return isTrying ? { at: before.endedAt!, isDeath: true } : undefined;
};

/** The names, in their order. A service whose last instance was stopped is not down. */
export const downServices = (rows: readonly Row[]): string[] => {
  /** the last end by service; undefined where an instance runs */
  const last = new Map<string, End | undefined>();
  for (const row of rows) {
    const end = endOf(row);
    const known = last.get(row.service);
    if (end === undefined || !last.has(row.service)) last.set(row.service, end);
    else if (known !== undefined && known.at < end.at) last.set(row.service, end);
  }
  return [...last].flatMap(([service, end]) => (end?.isDeath ? [service] : [])).sort();
};
