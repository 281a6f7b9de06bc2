/** From Stryker's results to a table of scores and a list of survivors, each with its judgement. */
import { isAbout, judgementsIn } from "./judgements.mjs";

/** The lowest score of each group, in per cent. */
export const goals = { machines: 98, services: 92, rooms: 80 };

export const survived = new Set(["Survived", "NoCoverage"]);
const killed = new Set(["Killed", "RuntimeError"]);

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

const withScore = (counts) => {
  const mutants = counts.killed + counts.timeouts + counts.survived;
  return { ...counts, mutants, score: (100 * (mutants - counts.survived)) / Math.max(1, mutants) };
};

/** The result of one file of a part. `changed`: its code is another by now. */
export const tallyOf = ({ group, name }, file, content, changed = false) => {
  const count = (statuses) => content.mutants.filter(({ status }) => statuses.has(status)).length;
  const survivors = survivorsOf(file, content);
  const judged = (verdict) => survivors.filter(({ judgement }) => judgement?.verdict === verdict).length;
  return {
    ...{ group, part: name, file, changed },
    ...withScore({
      killed: count(killed),
      timeouts: count(new Set(["Timeout"])),
      survived: survivors.length,
      equivalent: judged("equivalent"),
      accepted: judged("accepted"),
      left: count(new Set(["Ignored"])),
    }),
    survivors,
    stale: staleIn(file, content),
  };
};

const counted = ["killed", "timeouts", "survived", "equivalent", "accepted", "left"];

/** The result of a group that has so many files; a survivor that is judged lowers its score all the same. */
export const totalOf = (tallies, group, files) => {
  const own = tallies.filter((tally) => tally.group === group);
  const sum = (of) => own.reduce((total, tally) => total + tally[of], 0);
  return { group, files, countedFiles: own.length, ...withScore(Object.fromEntries(counted.map((of) => [of, sum(of)]))) };
};

const cellsOf = ({ mutants, score, ...counts }) => [
  mutants,
  ...counted.map((of) => counts[of]),
  mutants === 0 ? "–" : `${score.toFixed(1)} %`,
];

/** A row for each file, and one for each group. */
export const tableOf = (tallies, totals) => {
  const row = (cells) => `| ${cells.join(" | ")} |`;
  const fileRow = ({ part, file, changed, ...tally }) =>
    row([part, `${file}${changed ? " (its code has changed since)" : ""}`, ...cellsOf(tally)]);
  return [
    "| part | file | mutants | killed | timeout | survived | of these equivalent | accepted | wording left out | score |",
    "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |",
    ...totals
      .filter(({ countedFiles }) => countedFiles > 0)
      .flatMap((total) => [
        ...tallies.filter(({ group }) => group === total.group).map(fileRow),
        row([
          `**${total.group}**`,
          `${total.countedFiles} of ${total.files} files, goal ${goals[total.group]} %`,
          ...cellsOf(total),
        ]),
      ]),
  ].join("\n");
};

export const jsonOf = (tallies, totals) => {
  const groups = totals.map((total) => ({ ...total, goal: goals[total.group] }));
  return JSON.stringify({ groups, files: tallies }, null, 2);
};

const code = (text) => `\`${text.replaceAll(/\s+/g, " ").slice(0, 100).replaceAll("`", "'").replaceAll("|", "\\|")}\``;

const survivorRow = ({ file, at, line, mutant, status, judgement }) => {
  const verdict = judgement === undefined ? "**not judged**" : `${judgement.verdict}: ${judgement.why}`;
  return `| ${file}:${at} | ${code(line)} | ${code(mutant)} | ${status === "NoCoverage" ? "no test runs it; " : ""}${verdict} |`;
};

export const reportOf = (tallies, totals) => `# Mutation testing

Written by \`npm run mutate\`. A mutant is the code with one small change; it is noticed when a test fails or times out.
Strings with a blank in them are wording and are not mutated, nor is the Lua of scripts for Redis.

${tableOf(tallies, totals)}

| where | line | mutant | judgement |
| --- | --- | --- | --- |
${tallies.flatMap(({ survivors }) => survivors.map(survivorRow)).join("\n")}
`;
