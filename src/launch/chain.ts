/** The order of a group: for each member those that it comes after, by their places in the list. */

/** For each member the places of those that it comes after. */
export type Order = readonly (readonly number[])[];

/** The places of the members that each member names. A name that several share means all of them; one that none has means none. */
export const orderOf = (members: readonly { readonly name: string; readonly after: readonly string[] }[]): Order =>
  members.map(({ after }) => [...members.keys()].filter((at) => after.includes(members[at]!.name)));

/** The first circle that is found, its first member once more at the end. */
export const circleIn = (order: Order): readonly number[] | undefined => {
  const done = new Set<number>();
  const from = (at: number, path: readonly number[]): readonly number[] | undefined => {
    if (path.includes(at)) return [...path.slice(path.indexOf(at)), at];
    if (done.has(at)) return undefined;
    done.add(at);
    return firstFound(order[at]!, (next) => from(next, [...path, at]));
  };
  return firstFound([...order.keys()], (at) => from(at, []));
};

const firstFound = <T>(all: readonly number[], find: (at: number) => T | undefined): T | undefined => {
  for (const at of all) {
    const found = find(at);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** The largest sum along a chain of members that come after each other. The order has no circle. */
export const longestChain = (order: Order, amountOf: (at: number) => number): number => {
  const known = new Map<number, number>();
  const upTo = (at: number): number => {
    const amount = known.get(at) ?? amountOf(at) + Math.max(0, ...order[at]!.map(upTo));
    known.set(at, amount);
    return amount;
  };
  return Math.max(0, ...[...order.keys()].map(upTo));
};
