/** What the fleet's model shows of each boot, as it changes: where it was seen last, and when its end was shown. Each boot has a release of its own. */

export class Deaths {
  #model;
  #boots = new Map();
  /** names of instances that had two rows, or two entries in the registry, while one was alive */
  doubles = new Set();

  constructor(memory) {
    this.#model = memory.model;
    memory.onChange(() => this.#look());
  }

  /** The state of each boot that a lane names last: of one whose successor was read together with its end, the row has nothing else. */
  lastStates() {
    const spans = this.#model.rows().flatMap(({ lane }) => lane.filter(({ state }) => state !== "unknown" && state !== "gone"));
    return new Map(spans.map(({ version, state }) => [version, state]));
  }

  /** `path`, `version`: as they were named last; `shownAt`: since when the end is shown, undefined while it is not. */
  of(version) {
    return this.#boots.get(version);
  }

  #look() {
    const now = Date.now();
    const alive = new Map();
    for (const row of this.#model.rows()) {
      if (row.end === null) alive.set(row.instance, (alive.get(row.instance) ?? 0) + 1);
      this.#see(row, now);
    }
    for (const [instance, count] of alive) if (count > 1) this.doubles.add(instance);
  }

  #see({ version, boot, path, end, kind, boots }, now) {
    for (const one of boots) {
      const seen = this.#boots.get(one.version) ?? { version: one.version };
      const isEnded = one.boot === boot ? end !== null : one.endedAt !== null;
      if (one.boot === boot) Object.assign(seen, { path, version, kind });
      if (!isEnded) seen.shownAt = undefined;
      else seen.shownAt ??= now;
      this.#boots.set(one.version, seen);
    }
  }
}
