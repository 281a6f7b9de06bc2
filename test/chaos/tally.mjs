/** What came of each message: at the stream of the answers, and at the client. */

/** What one reader saw of one conversation: each message once, in order, is right. */
class Sequence {
  seen = new Set();
  twice = 0;
  outOfOrder = 0;
  #last = 0;

  add(n) {
    if (this.seen.has(n)) this.twice += 1;
    else if (n < this.#last) this.outOfOrder += 1;
    this.seen.add(n);
    this.#last = Math.max(this.#last, n);
  }
}

/** One conversation; its messages are numbered from 1, and their texts are `7:1`, `7:2`. */
export class Conversation {
  sent = 0;
  accepted = 0;
  /** messages that were sent again, since their outcome was unknown */
  repeated = 0;
  refused = 0;
  notices = 0;
  atStream = new Sequence();
  /** one for each load of its page; none for one without a page */
  #loads = [];

  constructor(index) {
    this.index = index;
  }

  /** The text of its next message. */
  next() {
    this.sent += 1;
    return `${this.index}:${this.sent}`;
  }

  /** What a page shows from here on. */
  load() {
    this.#loads.push({ answers: new Sequence(), own: new Sequence() });
  }

  /** A line that its page shows. */
  show({ role, text }) {
    const { answers, own } = this.#loads.at(-1);
    if (role === "notice") this.notices += 1;
    else (role === "user" ? own : answers).add(numberIn(text));
  }

  get shown() {
    return new Set(this.#loads.flatMap(({ answers }) => [...answers.seen]));
  }

  get client() {
    const sequences = this.#loads.flatMap(({ answers, own }) => [answers, own]);
    const sum = (name) => sequences.reduce((total, one) => total + one[name], 0);
    return { hasPage: this.#loads.length > 0, twice: sum("twice"), outOfOrder: sum("outOfOrder") };
  }
}

/** The number of a message, from its text or that of its answer. */
export const numberIn = (text) => Number(/:(\d+)$/.exec(text)?.[1]);
export const indexIn = (text) => Number(/^(?:re )?(\d+):\d+$/.exec(text)?.[1]);

const missing = (sent, seen) => sent - [...seen].filter((n) => n >= 1 && n <= sent).length;

/** The counts of all conversations, by where they are taken. */
export const countAll = (conversations) => {
  const stream = { accepted: 0, repeated: 0, refused: 0, answered: 0, lost: 0, twice: 0, outOfOrder: 0, notices: 0 };
  const client = { accepted: 0, answered: 0, neverSeen: 0, twice: 0, outOfOrder: 0 };
  for (const one of conversations) {
    const { accepted, repeated, refused, atStream, notices, client: at } = one;
    stream.accepted += accepted;
    stream.repeated += repeated;
    stream.refused += refused;
    stream.notices += notices;
    stream.answered += atStream.seen.size;
    stream.lost += missing(accepted, atStream.seen);
    stream.twice += atStream.twice;
    stream.outOfOrder += atStream.outOfOrder;
    if (!at.hasPage) continue;
    const { shown } = one;
    client.accepted += accepted;
    client.answered += shown.size;
    client.neverSeen += missing(accepted, shown);
    client.twice += at.twice;
    client.outOfOrder += at.outOfOrder;
  }
  return { stream, client };
};
