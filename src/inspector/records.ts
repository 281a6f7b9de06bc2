/** What an inspector remembers: small records, numbered from 1, and only the last of them. */
import { Ring } from "../ring.ts";
import type { ServiceFact } from "../service/report/facts.ts";

/** A machine took an arrow. */
export interface Taken {
  readonly kind: "taken";
  readonly machine: string;
  readonly event: string;
  /** the event as the drawn chart has it: `pingRedis done` */
  readonly word: string;
  readonly from: string;
  readonly to: string;
  /** the arrows' ids in the drawn chart: `source|event|target` */
  readonly edges: readonly string[];
  /** whether it is a heartbeat of a lease that stays held */
  readonly isBeat: boolean;
}

/** An event or a command without an arrow in the state where the machine is. */
export interface Refused {
  readonly kind: "refused";
  readonly machine: string;
  readonly event: string;
  readonly word: string;
  readonly from: string;
}

/** A fact of the service, without the parts that only the report has. */
export interface Noted {
  readonly kind: "fact";
  readonly fact: { readonly type: ServiceFact["type"] } & Readonly<Record<string, unknown>>;
}

export type Happening = Taken | Refused | Noted;

/** `at`: ms since the epoch. */
export type InspectionRecord = Happening & { readonly seq: number; readonly at: number };

export class RecordRing {
  readonly #ring: Ring<InspectionRecord>;

  /** Keeps the last `capacity` records. */
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

  /** The kept records with a higher number, oldest first. */
  after(seq: number): readonly InspectionRecord[] {
    return this.#ring.after(seq);
  }
}
