/** What is mutated, and by which tests a mutant has to be noticed: the quick ones first, for the first that fails ends its run. */
const service = (...names) => names.map((name) => `src/service/${name}.ts`);
const registry = (...names) => names.map((name) => `src/registry/${name}.ts`);
const tests = (...names) => names.map((name) => `test/${name}.test.ts`);

export const slices = [
  {
    group: "machines",
    name: "lifecycle",
    title: "the life of a service",
    mutate: ["machines/lifecycle.machine.ts"],
    tests: tests("machines/lifecycle", "machines/describe", "service/facts"),
  },
  {
    group: "machines",
    name: "lease",
    title: "its registry entry",
    mutate: ["machines/lease.machine.ts"],
    tests: tests("machines/lease"),
  },
  {
    group: "machines",
    name: "health-port",
    title: "the port of the health server",
    mutate: ["machines/health-port.machine.ts"],
    tests: tests("machines/health-port"),
  },
  {
    group: "machines",
    name: "leadership",
    title: "one leader of many",
    mutate: ["machines/leadership.machine.ts"],
    tests: tests("machines/leadership"),
  },
  {
    group: "machines",
    name: "supervisor",
    title: "a child process",
    mutate: ["machines/supervisor.machine.ts"],
    tests: tests("machines/supervisor"),
  },
  {
    group: "machines",
    name: "fleet",
    title: "many services on one machine",
    mutate: ["machines/fleet.machine.ts"],
    tests: tests("machines/fleet"),
  },
  {
    group: "machines",
    name: "words",
    title: "phases, states and figures",
    mutate: ["machines/phases.ts", "machines/settings.ts", "machines/state.ts", "machines/thrown.ts"],
    tests: tests("machines/phases", "machines/thrown", "machines/describe"),
  },
  {
    group: "services",
    name: "options",
    title: "the options of a service",
    mutate: service("options/options", "options/readers"),
    tests: tests("service/options", "service/service"),
  },
  {
    group: "services",
    name: "host",
    title: "chart meets world",
    mutate: service(
      "host",
      "hooks/hooks",
      "hooks/releases",
      "hooks/abort",
      "hooks/companion",
      "report/report",
      "report/status",
      "report/facts",
      "report/fact-queue",
      "report/metrics",
      "effects/effects",
      "unwind",
      "wait-for-state",
    ),
    tests: tests("service/releases", "service/facts", "service/host", "service/service"),
  },
  {
    group: "services",
    name: "world",
    title: "the service on a real Redis",
    mutate: service("service", "effects/resources", "effects/open-resources"),
    tests: tests("service/service", "flight/flight", "service/resources", "service/lifecycle"),
  },
  {
    group: "services",
    name: "registry",
    title: "the entry, its writer and its reader",
    mutate: registry("entry", "registration", "registry", "scripts"),
    tests: tests("registry/entry", "registry/registry"),
  },
  { group: "services", name: "launch", title: "services as a process", mutate: ["src/launch.ts"], tests: tests("launch") },
];
