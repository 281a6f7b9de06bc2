/** The arrows that a killed process wrote to its file, beside those in the journal and the place that the fleet's model names. */

/** ms before a death within which an arrow may be missing */
export const graceMs = 100;

/** What a process wrote: its number, its arrows, and when it died; undefined where it has not died. */
export const readLife = (text) => {
  const [head, ...lines] = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
  const died = lines.find((line) => "died" in line)?.died;
  return { ...head, version: `1.${head?.number}.0`, arrows: lines.filter((line) => "path" in line), died };
};

/** An arrow as one text. */
const textOf = ({ event, phase, path }) => (phase === undefined ? `${event} ${path}` : `${event} ${phase}`);

/** The arrows that the items of a boot have. */
export const arrowsIn = (items) =>
  items.flatMap((item) => {
    if (item.kind === "step") return [`${item.event} ${item.path}`];
    if (item.kind === "began") return [`phase.began ${item.phase}`];
    return item.kind === "ended" ? [`phase.ended ${item.phase}`] : [];
  });

/** The arrows that were taken `graceMs` or more before the death and that the journal does not have. */
export const missingIn = ({ arrows, died }, items) => {
  const known = arrowsIn(items);
  return arrows
    .filter(({ at }) => at <= died - graceMs)
    .map(textOf)
    .filter((arrow) => {
      const at = known.indexOf(arrow);
      if (at !== -1) known.splice(at, 1);
      return at === -1;
    });
};

/** The place after these arrows: the phase of the tier's own that began last, else where the chart is. Phases of `run` are no place. */
const placeAfter = (arrows) => {
  const chart = arrows.at(-1)?.path ?? "";
  const open = [];
  for (const { event, phase } of arrows) {
    if (event === "phase.began") open.push(phase);
    if (event === "phase.ended" && open.includes(phase)) open.splice(open.lastIndexOf(phase), 1);
  }
  return chart === "running" ? chart : (open.findLast((phase) => phase.startsWith(`${chart}.`)) ?? chart);
};

/**
 * The places that may be named: where it was `graceMs` before its death, and each one after, those too that only the journal has: an arrow
 * that leads to a hook is sent before it can be written to the file. A last step that was written is the end of the chart.
 */
export const placesOf = ({ arrows, died }, items) => {
  const certain = arrows.filter(({ at }) => at <= died - graceMs).length;
  const places = arrows.map((_, at) => placeAfter(arrows.slice(0, at + 1)));
  const written = new Set(arrows.map(({ path }) => path));
  const sent = items.flatMap(({ kind, path }) => (kind === "step" && !written.has(path) ? [path] : []));
  const later = [...places.slice(Math.max(0, certain - 1)), ...sent];
  return later.includes("stopping.disconnecting") ? [...later, "stopped"] : later;
};
