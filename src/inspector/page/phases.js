/** The phases as bars: boot and stop each on a scale of their own, what may last as long as it likes as a line of text. */
import { byId, make } from "../../http/page/dom.js";
import { duration } from "./format.js";

const openEnded = new Set(["init", "running"]);
/** `healthy` waits for `run`, which may take any time: its bar is cut so that the others are to be seen */
const cut = "healthy";
const cutShare = 1.12;

const isStop = ({ phase }) => phase.startsWith("stopping.");
const endOf = ({ startedAt, durationMs }, now) => startedAt + (durationMs ?? now - startedAt);

const rowOf = (record, { from, span, now }) => {
  const { phase, startedAt, durationMs, outcome } = record;
  const isOpen = durationMs === undefined;
  const spent = isOpen ? now - startedAt : durationMs;
  const start = Math.min(1, Math.max(0, (startedAt - from) / span));
  const bar = make("span", "ink");
  bar.style.setProperty("--start", String(start));
  bar.style.setProperty("--length", String(Math.min(1 - start, Math.max(0, spent / span))));
  const depth = isStop(record) ? 0 : phase.split(".").length - 1;
  const name = make("span", "name", phase.split(".").at(-1));
  name.style.setProperty("--depth", String(depth));
  name.title = phase;
  const kind = isOpen ? "open" : (outcome ?? "done");
  const note =
    kind === "done" || kind === "open" ? duration(spent) : kind === "skipped" ? "skipped" : `${kind}, ${duration(spent)}`;
  const track = make("span", "lane", bar);
  track.setAttribute("aria-hidden", "true");
  return make("li", `${kind}${depth > 0 ? " nested" : ""}`, name, track, make("span", "took", note));
};

const groupOf = (title, records, now) => {
  if (records.length === 0) return [];
  const from = Math.min(...records.map(({ startedAt }) => startedAt));
  const bounded = records.filter(({ phase }) => phase !== cut);
  const last = Math.max(...(bounded.length > 0 ? bounded : records).map((record) => endOf(record, now)));
  const hasCut = bounded.length < records.length;
  const span = Math.max(1, (last - from) * (hasCut ? cutShare : 1));
  const rows = records.map((record) => rowOf(record, { from, span, now }));
  return [make("h3", "", title, make("span", "", duration(last - from))), make("ol", "bars", ...rows)];
};

const lineOf = (record, now) => {
  const { phase, durationMs, startedAt } = record;
  return make(
    "p",
    `lasting ${durationMs === undefined ? "open" : ""}`,
    phase,
    make("span", "took", duration(durationMs ?? now - startedAt)),
  );
};

/** Whether what is shown changes with time alone. */
export const isMoving = ({ phases }) => phases.some(({ durationMs }) => durationMs === undefined);

export const showPhases = ({ phases }, now) => {
  const boot = phases.filter(
    (record) => !isStop(record) && !openEnded.has(record.phase.split(".")[0]) && !record.phase.startsWith("stop"),
  );
  const running = phases.filter(({ phase }) => phase.split(".")[0] === "running");
  byId("phases").replaceChildren(
    ...groupOf("boot", boot, now),
    ...running.map((record) => lineOf(record, now)),
    ...groupOf("stop", phases.filter(isStop), now),
  );
  if (boot.length === 0 && running.length === 0) byId("phases").prepend(make("p", "ghost", "not booted yet"));
};
