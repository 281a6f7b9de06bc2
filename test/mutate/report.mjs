/** From Stryker's results to a table of scores and a list of survivors, each with its judgement. */
import { isAbout, judgementsIn } from "./judgements.mjs";

/** The lowest score of each group, in per cent. */
export const goals = { machines: 95, services: 85 };

const noticed = new Set(["Killed", "Timeout", "RuntimeError"]);
const survived = new Set(["Survived", "NoCoverage"]);

const survivorsOf = (file, { source, mutants }) => {
  const lines = source.split("\n");
  const judgements = judgementsIn(source);
  return mutants
    .filter(({ status }) => survived.has(status))
    .sort((a, b) => a.location.start.line - b.location.start.line)
    .map((mutant) => ({
      file,
      at: mutant.location.start.line,
      line: lines[mutant.location.start.line - 1].trim(),
      mutant: (mutant.replacement ?? mutant.mutatorName).trim(),
      status: mutant.status,
      judgement: judgements.find((judgement) => isAbout(judgement, mutant)),
    }));
};

/** The judgements whose mutant no longer exists, as `file:line`. */
const staleIn = (file, { source, mutants }) =>
  judgementsIn(source)
    .filter((judgement) => !mutants.some((mutant) => isAbout(judgement, mutant)))
    .map(({ at }) => `${file}:${at}`);

/** The result of one slice. */
export const tallyOf = ({ group, name }, { files }) => {
  const all = Object.values(files).flatMap(({ mutants }) => mutants);
  const count = (statuses) => all.filter(({ status }) => statuses.has(status)).length;
  return {
    group,
    name,
    noticed: count(noticed),
    tried: count(noticed) + count(survived),
    timeouts: count(new Set(["Timeout"])),
    left: count(new Set(["Ignored"])),
    survivors: Object.entries(files).flatMap(([file, content]) => survivorsOf(file, content)),
    stale: Object.entries(files).flatMap(([file, content]) => staleIn(file, content)),
  };
};

const sum = (own, of) => own.reduce((total, tally) => total + tally[of], 0);

/** The share of a group's mutants that a test notices, in per cent. */
export const scoreOf = (tallies, group) => {
  const own = tallies.filter((tally) => tally.group === group);
  return (100 * sum(own, "noticed")) / Math.max(1, sum(own, "tried"));
};

const percent = (part, whole) => (whole === 0 ? "–" : `${((100 * part) / whole).toFixed(1)} %`);

/** A row for each slice, and one for each group. */
export const tableOf = (tallies) => {
  const row = (name, own) => {
    const equivalent = own
      .flatMap(({ survivors }) => survivors)
      .filter(({ judgement }) => judgement?.verdict === "equivalent").length;
    const tried = sum(own, "tried");
    const caught = sum(own, "noticed");
    const cells = [tried, caught, sum(own, "timeouts"), tried - caught, equivalent, sum(own, "left"), percent(caught, tried)];
    return `| ${[name, ...cells].join(" | ")} |`;
  };
  const groups = [...new Set(tallies.map(({ group }) => group))];
  return [
    "| part | mutants | noticed | of these by time | survived | of these equivalent | wording left out | score |",
    "| --- | --: | --: | --: | --: | --: | --: | --: |",
    ...groups.flatMap((group) => {
      const own = tallies.filter((tally) => tally.group === group);
      return [...own.map((tally) => row(tally.name, [tally])), row(`**${group}** (goal ${goals[group]} %)`, own)];
    }),
  ].join("\n");
};

const code = (text) => `\`${text.replaceAll(/\s+/g, " ").slice(0, 100).replaceAll("`", "'").replaceAll("|", "\\|")}\``;

const survivorRow = ({ file, at, line, mutant, status, judgement }) => {
  const verdict = judgement === undefined ? "**not judged**" : `${judgement.verdict}: ${judgement.why}`;
  return `| ${file}:${at} | ${code(line)} | ${code(mutant)} | ${status === "NoCoverage" ? "no test runs it; " : ""}${verdict} |`;
};

export const reportOf = (tallies) => `# Mutation testing

Written by \`npm run mutate\`. A mutant is the code with one small change; it is noticed when a test fails or times out.
Strings with a blank in them are wording and are not mutated, nor is the Lua of the registry's scripts.

${tableOf(tallies)}

${tallies
  .filter(({ survivors }) => survivors.length > 0)
  .map(
    ({ name, survivors }) =>
      `## ${name}\n\n| where | line | mutant | judgement |\n| --- | --- | --- | --- |\n${survivors.map(survivorRow).join("\n")}`,
  )
  .join("\n\n")}
`;
