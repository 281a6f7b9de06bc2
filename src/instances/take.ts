/** The items of the journal, each applied to the life that it is of. */
import type { JournalItem } from "../journal/item.ts";
import type { Item, Life } from "./life.ts";

type Handlers = { readonly [Kind in JournalItem["kind"]]: (life: Life, item: Item<Kind>) => void };
const handlers: Handlers = {
  step: (life, item) => life.step(item),
  began: (life, item) => life.begin(item),
  ended: (life, item) => life.endPhase(item),
  waits: (life, item) => life.wait(item),
  ready: (life, item) => life.noteReady(item),
  fact: (life, item) => life.noteFact(item),
  leads: (life, item) => life.lead(item),
  end: (life, item) => life.noteEnd(item),
  expired: (life, item) => life.expire(item),
  exited: (life, item) => life.exit(item),
  lost: () => {},
  counted: () => {},
};

/** `exited` and `expired` are written about the instance, not by it: they do not show that it lives. */
export const take = (life: Life, item: JournalItem): void => {
  if (item.kind !== "exited" && item.kind !== "expired") life.noteAlive(item.at);
  (handlers[item.kind] as (life: Life, item: JournalItem) => void)(life, item);
};
