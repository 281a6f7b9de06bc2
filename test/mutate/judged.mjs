/**
 * What was judged of the mutants that survive: `equivalent` (nobody can tell it from the original), `not worth` (a test would pin
 * what nobody relies on), `missing test`. By the text of the line, and of the mutant where not all of the line are meant.
 */
const lifecycle = "machines/lifecycle.machine.ts";
const supervisor = "machines/supervisor.machine.ts";

const options = "src/service/options.ts";
const launch = "src/launch.ts";

export const judgements = [
  {
    file: lifecycle,
    line: "context.cause?.",
    verdict: "equivalent",
    why: "every arrow into stopping and stopped sets the cause; the default keeps the output total",
  },
  {
    file: lifecycle,
    line: '...step("unwinding"',
    verdict: "equivalent",
    why: "its entry, where the name is used, is replaced in the next lines",
  },
  {
    file: "machines/leadership.machine.ts",
    line: 'params.answer.type === "taken"',
    verdict: "equivalent",
    why: "the arrow's guard has already asked; the type has not",
  },
  { file: supervisor, line: 'phase: "",', verdict: "equivalent", why: "entering starting writes it before anybody can look" },
  { file: supervisor, line: 'trouble: "",', verdict: "equivalent", why: "entering starting writes it before anybody can look" },
  {
    file: supervisor,
    line: 'context.end ?? "stopped"',
    verdict: "equivalent",
    why: "every end names itself; the default keeps the output total",
  },
  { file: "machines/thrown.ts", line: "} catch {", verdict: "equivalent", why: "without its return it returns the same" },
  {
    file: options,
    line: "`${hostname()",
    verdict: "not worth",
    why: "a host name that long, or with such characters, is not this machine's",
  },
  { file: options, line: ".replace(/[^", verdict: "not worth", why: "a host name with such characters is not this machine's" },
  {
    file: options,
    line: "rule.variable !== undefined",
    verdict: "equivalent",
    why: "a variable without a name is in no environment",
  },
  { file: options, line: 'value : "";', verdict: "equivalent", why: "what is resolved is thrown away with the problem" },
  {
    file: options,
    line: "read ?? fallback",
    verdict: "equivalent",
    why: "the fallback of the only switch is true, and a problem is thrown",
  },
  { file: launch, line: 'let told = "";', verdict: "equivalent", why: "no phase is called so" },
  {
    file: launch,
    line: "findLast(isOpen)",
    verdict: "not worth",
    why: "an observer that throws is contained, and the last word is told by the report",
  },
  {
    file: launch,
    line: "session === undefined ||",
    verdict: "equivalent",
    why: "whoever ends has opened it; the type has to be asked",
  },
  { file: launch, line: "session?.running ?? []", verdict: "equivalent", why: "the handlers that ask are gone with the session" },
  {
    file: launch,
    line: "if (session !== undefined) session.stopped",
    verdict: "equivalent",
    why: "the handlers that ask are gone with the session",
  },
  { file: launch, line: '"anything"', verdict: "equivalent", why: "the handlers that ask are gone with the last service" },
];
