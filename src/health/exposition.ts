/** The text format of Prometheus, line by line: one line that it refuses would make the whole scrape fail. */

/** A line of a description or a sample. Of two lines with the same key a scrape takes only one. */
export interface Exposed {
  readonly metric: string;
  readonly kind: "help" | "type" | "sample";
  readonly key: string;
}

const name = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const label = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*("(?:[^"\\]|\\[\\"n])*")\s*(?:,|$)/y;
const help = new RegExp(`^# HELP (${name})(?:[ \\t](?:[^\\\\]|\\\\[\\\\n])*)?$`);
const type = new RegExp(`^# TYPE (${name})[ \\t]+(?:counter|gauge|histogram|summary|untyped)$`);
const sample = new RegExp(
  `^(${name})[ \\t]*(?:\\{((?:[^"}]|"(?:[^"\\\\]|\\\\.)*")*)\\})?[ \\t]+(?:[-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][-+]?\\d+)?|[-+]?[iI]nf(?:inity)?|[nN]a[nN])(?:[ \\t]+-?\\d{1,18})?$`,
);

/** The labels in one order; undefined for a list that is invalid or has a label twice. */
const labelsIn = (text: string): string | undefined => {
  const found = new Map<string, string>();
  label.lastIndex = 0;
  while (label.lastIndex < text.length) {
    const [, key, value] = label.exec(text) ?? [];
    if (key === undefined || key === "__name__" || found.has(key)) return undefined;
    found.set(key, value!);
  }
  return [...found]
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join();
};

/** Of a line without blanks at its end; undefined for one that Prometheus would refuse, and for a comment. */
export const exposedIn = (line: string): Exposed | undefined => {
  if (line.startsWith("#")) {
    const [[, helped] = [], [, typed] = []] = [help.exec(line) ?? [], type.exec(line) ?? []];
    if (helped !== undefined) return { metric: helped, kind: "help", key: `# HELP ${helped}` };
    return typed === undefined ? undefined : { metric: typed, kind: "type", key: `# TYPE ${typed}` };
  }
  const [, metric, given = ""] = sample.exec(line) ?? [];
  const labels = metric === undefined ? undefined : labelsIn(given);
  return metric === undefined || labels === undefined ? undefined : { metric, kind: "sample", key: `${metric}{${labels}}` };
};

/** The metric that a series of a histogram or summary belongs to; any other is its own. */
export const familyOf = (metric: string): string => metric.replace(/_(?:bucket|sum|count)$/, "");
