/** What an inspector remembers: slim records, numbered from 1, and only the last so many of them. */
import { Ring } from "../ring.ts";
import type { ServiceFact } from "../service/report/facts.ts";

/** An arrow was taken. `edges` are the ids that the drawn chart has for it: `source|event|target`. */
export interface Taken {
  readonly kind: "taken";
  readonly machine: string;
  readonly event: string;
  /** the event as people say it: `pingRedis done` */
  readonly word: string;
  readonly from: string;
  readonly to: string;
  readonly edges: readonly string[];
}

/** An event or a command that has no arrow where the machine is. */
export interface Refused {
  readonly kind: "refused";
  readonly machine: string;
  readonly event: string;
  readonly word: string;
  readonly from: string;
}

/** A fact of the service, without what belongs to the report alone. */
export interface Noted {
  readonly kind: "fact";
  readonly fact: { readonly type: ServiceFact["type"] } & Readonly<Record<string, unknown>>;
}

export type Happening = Taken | Refused | Noted;

/** `at`: ms since the epoch. */
export type InspectionRecord = Happening & { readonly seq: number; readonly at: number };

export class RecordRing {
  readonly #ring: Ring<InspectionRecord>;

  constructor(capacity: number) {
    this.#ring = new Ring(capacity);
  }

  /** The number of the newest record; 0 before the first. */
  get newest(): number {
    return this.#ring.newest;
  }

  add(happening: Happening, at: number): InspectionRecord {
    const record = { seq: this.#ring.newest + 1, at, ...happening };
    this.#ring.add(record);
    return record;
  }

  /** What came after the record of that number, oldest first; records that were dropped meanwhile are missing at its beginning. */
  after(seq: number): readonly InspectionRecord[] {
    return this.#ring.after(seq);
  }
}
