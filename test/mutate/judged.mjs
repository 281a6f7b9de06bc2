/**
 * What was judged of the mutants that survive: `equivalent` (nobody can tell it from the original), `not worth` (a test would pin
 * what nobody relies on), `missing test`. By the text of the line, and of the mutant where not all of the line are meant.
 */
const lifecycle = "machines/lifecycle.machine.ts";
const supervisor = "machines/supervisor.machine.ts";

const options = "src/service/options/options.ts";
const optionReaders = "src/service/options/readers.ts";
const service = "src/service/service.ts";
const world = "src/service/effects/world.ts";
const realWorld = "src/service/effects/real-world.ts";
const launch = "src/launch.ts";
const host = "src/service/host.ts";
const waiting = "src/service/wait-for-state.ts";
const hooks = "src/service/hooks/hooks.ts";
const registration = "src/registry/registration.ts";
const registry = "src/registry/registry.ts";

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
    line: 'nameProblem("service", service)',
    verdict: "equivalent",
    why: "only whether there is a problem is asked",
  },
  {
    file: optionReaders,
    line: "rule.variable !== undefined",
    verdict: "equivalent",
    why: "a variable without a name is in no environment",
  },
  { file: optionReaders, line: 'value : "";', verdict: "equivalent", why: "what is resolved is thrown away with the problem" },
  {
    file: optionReaders,
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
  { file: host, line: 'id: "lifecycle"', verdict: "equivalent", why: "the name of an actor is only looked at" },
  {
    file: host,
    line: "lease?.getSnapshot().status",
    verdict: "not worth",
    why: "the unwinding deletes the entry once more; the lease only stops sooner",
  },
  { file: waiting, line: "reject(signal?.reason)", verdict: "equivalent", why: "only a signal calls it" },
  { file: waiting, line: "{ once: true }", verdict: "equivalent", why: "whatever settles takes the listener away" },
  {
    file: host,
    line: "error === undefined ? {} : { error }",
    verdict: "equivalent",
    why: "an error that is undefined is none",
  },
  { file: waiting, line: "settled = true", verdict: "equivalent", why: "it saves the work: what is settled stays so" },
  { file: waiting, line: "if (settled) return", verdict: "equivalent", why: "it saves the work: what is settled stays so" },
  { file: host, line: "observer.", verdict: "not worth", why: "an observer without that method throws where it is contained" },
  { file: host, line: 'this.#takes({ type, reason: "" })', verdict: "equivalent", why: "no guard reads the reason" },
  {
    file: host,
    line: 'this.snapshot.status === "active" &&',
    verdict: "equivalent",
    why: "a chart that has ended takes nothing",
  },
  { file: host, line: "if (listens)", verdict: "equivalent", why: "XState drops what is sent to an actor that has ended" },
  { file: host, line: 'if (this.state === "init")', verdict: "equivalent", why: "boot has no arrow elsewhere" },
  {
    file: host,
    line: "(await this.#becomesReady()) &&",
    verdict: "equivalent",
    why: "run has an arrow only where the service is ready",
  },
  { file: host, line: "if (!ready &&", verdict: "equivalent", why: "it then looks once more, at the end, and finds the same" },
  { file: host, line: 'cause?.outcome !== "shutdown"', verdict: "equivalent", why: "what has stopped has a cause" },
  {
    file: hooks,
    line: "this.#inFlight.delete(settled)",
    verdict: "equivalent",
    why: "waiting for what has settled takes no time",
  },
  {
    file: "src/service/report/status.ts",
    line: "findLast(({ phase }) => phase === state)",
    verdict: "equivalent",
    why: "each state has a phase of its own; the default keeps it total",
  },
  {
    file: "src/service/report/status.ts",
    line: "phases[0]?.startedAt",
    verdict: "equivalent",
    why: "init is entered by the constructor",
  },
  {
    file: "src/service/report/facts.ts",
    line: "past?.phases ?? []",
    verdict: "equivalent",
    why: "what was never a phase is in no record",
  },
  { file: "src/service/report/facts.ts", line: "if (past === phases)", verdict: "equivalent", why: "it only saves the search" },
  {
    file: "src/service/report/metrics.ts",
    line: 'outcome = "done"',
    verdict: "equivalent",
    why: "a phase that has ended has an outcome",
  },
  {
    file: "src/service/hooks/releases.ts",
    line: "this.#stack?.length",
    verdict: "equivalent",
    why: "a release that was popped had a stack",
  },
  { file: registry, line: "watching(", verdict: "not worth", why: "watch.test.ts notices; at 20 s a mutant it is not run here" },
  {
    file: registry,
    line: "watch(serviceName",
    verdict: "not worth",
    why: "watch.test.ts notices; at 20 s a mutant it is not run here",
  },
  {
    file: registry,
    line: "async read(",
    verdict: "not worth",
    why: "watch.test.ts notices; at 20 s a mutant it is not run here",
  },
  {
    file: registry,
    line: "return names.flatMap((name, at) => this.#parsed",
    verdict: "not worth",
    why: "watch.test.ts notices; at 20 s a mutant it is not run here",
  },
  {
    file: registry,
    line: "names.slice(at, at + chunkSize)",
    verdict: "not worth",
    why: "reading all in each chunk is slower, not wrong: only the first rows are taken",
  },
  {
    file: registry,
    line: "reopen: false",
    verdict: "not worth",
    why: "a caller's client that was closed: opening it again is refused in redis.test.ts",
  },
  {
    file: service,
    line: "createLogger({ service",
    verdict: "not worth",
    why: "process.test.ts notices: in a process of its own, where it is not counted",
  },
  {
    file: host,
    line: "this.#first.delete(told)",
    verdict: "equivalent",
    why: "the chart, which ends at the same time, lets go of who watches it",
  },
  { file: service, line: "protected describe()", verdict: "equivalent", why: "nothing and an empty object add the same" },
  { file: realWorld, line: "phases[0]?.startedAt", verdict: "equivalent", why: "init is entered by the constructor" },
  {
    file: realWorld,
    line: "if (options.probeThread) prepareWorker()",
    mutant: "false",
    verdict: "not worth",
    why: "the thread starts with the server, some 40 ms later",
  },
  {
    file: world,
    line: "AbortSignal.any([this.#closing.signal, deadline])",
    verdict: "not worth",
    why: "a command on the registry's connection has a deadline of its own, and the close ends it",
  },
  {
    file: world,
    line: "health?.destroy()",
    verdict: "equivalent",
    why: "what fails here is let go: there was nothing to destroy",
  },
  { file: world, line: "health?.gone()", verdict: "equivalent", why: "what fails here is let go: there was nothing to wait for" },
  { file: "src/registry/entry.ts", line: "} catch {", verdict: "equivalent", why: "without its return it returns the same" },
  {
    file: registration,
    line: "else await whenReady(redis, { reopen: true",
    verdict: "equivalent",
    why: "one that had ended was opened again before this",
  },
  {
    file: registration,
    line: 'redis.status === "ready" ?',
    verdict: "not worth",
    why: "which of two reasons for one outage is named",
  },
  {
    file: registration,
    line: 'redis.status === "wait"',
    verdict: "not worth",
    why: "a connection that is there is ready at once: the same with one turn more",
  },
  {
    file: registration,
    line: "if (this.#incarnation !== undefined) return",
    verdict: "equivalent",
    why: "a second draw is thrown away; one round trip more is seen by its own test",
  },
  { file: registration, line: "this.#keys.slice(0, 2)", verdict: "equivalent", why: "the script reads the first two" },
  {
    file: registration,
    line: "signal.aborted || error instanceof StargazerError",
    verdict: "not worth",
    why: "the abort's own reason would be wrapped, with its words",
  },
  {
    file: registration,
    line: 'this.#guarded("prepare"',
    verdict: "equivalent",
    why: "what fails here is not told, and register draws again",
  },
  { file: registration, line: 'host ?? "unknown"', verdict: "not worth", why: "an entry without a host is none of ours" },
  {
    file: registry,
    line: "#reportForeign(names.filter",
    verdict: "not worth",
    why: "more keys are asked for, and the same are told",
  },
  { file: registry, line: "return [];", verdict: "equivalent", why: "an instance that has no entry is not listed" },
];
