/** From Stryker's results to a table of scores and a list of survivors, each with what was judged of it. */
import { judgements } from "./judged.mjs";

/** per cent of the mutants of a group that have to be noticed */
export const goals = { machines: 95, services: 85 };

const noticed = new Set(["Killed", "Timeout", "RuntimeError"]);
const survived = new Set(["Survived", "NoCoverage"]);

const judgementOf = (survivor) =>
  judgements.find(
    ({ file, line, mutant }) =>
      file === survivor.file && survivor.line.includes(line) && (mutant === undefined || survivor.mutant === mutant),
  );

const survivorsOf = (file, { source, mutants }) => {
  const lines = source.split("\n");
  return mutants
    .filter(({ status }) => survived.has(status))
    .sort((a, b) => a.location.start.line - b.location.start.line)
    .map(({ location: { start }, replacement, status, mutatorName }) => {
      const survivor = {
        file,
        at: start.line,
        line: lines[start.line - 1].trim(),
        mutant: (replacement ?? mutatorName).trim(),
        status,
      };
      return { ...survivor, judgement: judgementOf(survivor) };
    });
};

/** What came of one slice. */
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
  };
};

const sum = (own, of) => own.reduce((total, tally) => total + tally[of], 0);

/** The noticed of a group, in per cent of the tried. */
export const scoreOf = (tallies, group) => {
  const own = tallies.filter((tally) => tally.group === group);
  return (100 * sum(own, "noticed")) / Math.max(1, sum(own, "tried"));
};

const percent = (part, whole) => (whole === 0 ? "–" : `${((100 * part) / whole).toFixed(1)} %`);

/** One row a slice, and one a group. */
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
  return `| ${file}:${at} | ${code(line)} | ${code(mutant)} | ${status === "NoCoverage" ? "no test comes here; " : ""}${verdict} |`;
};

export const reportOf = (tallies) => `# Mutation testing

Written by \`npm run mutate\`. A mutant is the code with one small change; it is noticed when a test fails or runs out of time.
What is between quotes and has a blank in it is wording and is not mutated; the Lua of the registry's scripts is not either.

${tableOf(tallies)}

${tallies
  .filter(({ survivors }) => survivors.length > 0)
  .map(
    ({ name, survivors }) =>
      `## ${name}\n\n| where | line | became | judged |\n| --- | --- | --- | --- |\n${survivors.map(survivorRow).join("\n")}`,
  )
  .join("\n\n")}
`;
