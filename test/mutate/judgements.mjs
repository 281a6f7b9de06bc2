/**
 * What is known of a mutant that survives stands above its line in the source:
 *
 *   // equivalent mutant: no phase has an empty name
 *   // accepted mutant (false): the thread starts with the server, some 40 ms later
 *
 * `equivalent` behaves as the original does; `accepted` could, by a test that would pin what nothing relies on. What stands in
 * parentheses, a replacement or the name of a mutator, narrows it to that mutant of the line.
 */
const form = /^\/\/ (?<verdict>equivalent|accepted) mutant(?: \((?<only>.+?)\))?: (?<why>.+)$/;

/** The judgements of a file: each with the number of its own line and that of the line that it is about. */
export const judgementsIn = (source) => {
  const lines = source.split("\n").map((line) => line.trim());
  return lines.flatMap((line, index) => {
    const { groups } = form.exec(line) ?? {};
    if (groups === undefined) return [];
    const below = lines.findIndex((text, at) => at > index && !text.startsWith("//"));
    return [{ verdict: groups.verdict, only: groups.only, why: groups.why, at: index + 1, about: below + 1 }];
  });
};

/** Whether a judgement is about a mutant of Stryker's report. */
export const isAbout = ({ about, only }, { location, replacement, mutatorName }) =>
  location.start.line === about && (only === undefined || only === mutatorName || only === replacement?.trim());
