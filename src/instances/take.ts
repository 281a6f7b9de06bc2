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
  goodbye: (life, item) => life.sayGoodbye(item),
  expired: (life, item) => life.expire(item),
  exited: (life, item) => life.exit(item),
  lost: () => {},
  counted: () => {},
};

/** The end of a life is no sign of it. */
export const take = (life: Life, item: JournalItem): void => {
  if (item.kind !== "exited" && item.kind !== "expired") life.live(item.at);
  (handlers[item.kind] as (life: Life, item: JournalItem) => void)(life, item);
};
