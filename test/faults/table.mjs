/** From vitest's result to what a reader wants to know: the fault, what happened, how long it took, whether the claim held. */

const begins = (id) => (name) => name.startsWith(`${id} `) || name.startsWith(`${id}: `);
const isOf = (id, { title, ancestorTitles }) => [title, ...ancestorTitles].some(begins(id));

/** What stands behind the claim in the title, else the whole name without the number. */
const whatOf = ({ title, ancestorTitles }, claim) =>
  title.includes(claim)
    ? title.slice(title.indexOf(claim) + claim.length + 2)
    : [...ancestorTitles, title].map((name) => name.replace(/^F\d+: /, "")).join(" ");

const caseOf = (one, claim) => {
  const { status, duration, failureMessages, meta } = one;
  return {
    what: whatOf(one, claim),
    held: status === "passed",
    seconds: Number(((duration ?? 0) / 1000).toFixed(1)),
    happened: meta?.happened ?? [],
    ...(status === "passed" ? {} : { error: String(failureMessages?.[0] ?? "it did not run").split("\n")[0] }),
  };
};

/** `untested`: no case bears its number. */
export const judge = (id, claim, { testResults }) => {
  const cases = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter((one) => isOf(id, one))
    .map((one) => caseOf(one, claim));
  const seconds = Number(cases.reduce((sum, one) => sum + one.seconds, 0).toFixed(1));
  const verdict = cases.length === 0 ? "untested" : cases.every(({ held }) => held) ? "held" : "BROKEN";
  return { fault: id, claim, verdict, seconds, cases };
};

const width = 92;
const wrapped = (text) => {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
};

const linesOf = ({ claim, cases }) => [
  ...wrapped(claim),
  ...cases.flatMap(({ what, happened, error }) =>
    wrapped([what, [...happened, ...(error ? [`BROKEN, ${error}`] : [])].join("; ")].filter(Boolean).join(": ")).map(
      (line, at) => `${at ? "    " : "  - "}${line}`,
    ),
  ),
];

export const tableOf = (faults, { held, seconds }) => {
  const row = (id, text, time, verdict) => `${id.padEnd(5)} ${text.padEnd(width + 4)} ${time.padStart(7)}  ${verdict}`.trimEnd();
  const rows = faults.flatMap((fault) =>
    linesOf(fault).map((line, at) =>
      at === 0 ? row(fault.fault, line, `${fault.seconds.toFixed(1)} s`, fault.verdict) : row("", line, "", ""),
    ),
  );
  return [
    row("fault", "what happened", "time", "verdict"),
    row("-----", "-".repeat(width + 4), "-------", "-------"),
    ...rows,
    "",
    `${held} of ${faults.length} faults held, in ${seconds} s`,
  ].join("\n");
};
