/** What is mutated, and by which tests a mutant has to be noticed: the quick ones first, for the first that fails ends its run. */
import { readdirSync } from "node:fs";

const root = new URL("../../", import.meta.url);
/** All code of a folder, so that a new file is in its part at once. */
const room = (folder) =>
  readdirSync(new URL(folder, root))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name}`);
const service = (...names) => names.map((name) => `src/service/${name}.ts`);
const registry = (...names) => names.map((name) => `src/registry/${name}.ts`);
const tests = (...names) => names.map((name) => `test/${name}.test.ts`);

export const slices = [
  {
    group: "machines",
    name: "lifecycle",
    title: "the life of a service",
    mutate: ["machines/lifecycle.machine.ts", "machines/companion.ts"],
    tests: tests("machines/lifecycle", "machines/companion", "machines/describe", "service/facts"),
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
    mutate: ["machines/health-port.machine.ts", "machines/actor.ts"],
    tests: tests("machines/health-port"),
  },
  {
    group: "machines",
    name: "check",
    title: "one check of a dependency",
    mutate: ["machines/check.machine.ts"],
    tests: tests("machines/check"),
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
    name: "consumer",
    title: "a worker on the messages",
    mutate: ["machines/consumer.machine.ts"],
    tests: tests("machines/consumer"),
  },
  {
    group: "machines",
    name: "message",
    title: "the life of a message",
    mutate: ["machines/message.machine.ts"],
    tests: tests("machines/message"),
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
    name: "group",
    title: "several services in one process",
    mutate: ["machines/group.machine.ts"],
    tests: tests("machines/group"),
  },
  {
    group: "machines",
    name: "chat",
    title: "the client of a conversation",
    mutate: ["machines/chat.machine.ts"],
    tests: tests("machines/chat"),
  },
  {
    group: "machines",
    name: "words",
    title: "phases, states and figures",
    mutate: ["machines/phases.ts", "machines/settings.ts", "machines/state.ts", "machines/thrown.ts", "machines/describe.ts"],
    tests: tests("machines/phases", "machines/thrown", "machines/describe", "machines/deadlines"),
  },
  {
    group: "services",
    name: "options",
    title: "the options of a service",
    mutate: room("src/service/options"),
    tests: tests("service/options", "service/checks", "service/service"),
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
    tests: tests(
      ...["service/releases", "service/facts", "service/companion", "service/on-drain", "service/host", "service/service"],
    ),
  },
  {
    group: "services",
    name: "world",
    title: "the service on a real Redis",
    mutate: service("service", "effects/resources", "effects/open-resources"),
    tests: tests(
      ...["service/service", "service/health-address", "flight/flight", "service/open-resources", "service/resources"],
      ...["service/lifecycle", "service/journal", "registry/permissions"],
    ),
  },
  {
    group: "services",
    name: "registry",
    title: "the entry, its writer and its reader",
    mutate: registry("entry", "registration", "registry", "reading", "scripts"),
    tests: tests("registry/entry", "registry/reading", "registry/registration", "registry/registry"),
  },
  {
    group: "services",
    name: "launch",
    title: "services as a process",
    mutate: [
      "src/launch.ts",
      "src/launch/session.ts",
      "src/launch/ending.ts",
      "src/launch/group.ts",
      "src/launch/plan.ts",
      "src/launch/chain.ts",
    ],
    tests: tests("launch", "launch/group"),
  },
  {
    group: "rooms",
    name: "health",
    title: "the health server",
    mutate: room("src/health"),
    tests: tests("health/load-meter", "health/exposition", "health/check", "health/drain", "health/truth", "health/server"),
  },
  {
    group: "rooms",
    name: "journal",
    title: "what instances did, in Redis",
    mutate: room("src/journal"),
    tests: tests("journal/entry", "journal/reader", "journal/writer", "service/journal"),
  },
  {
    group: "rooms",
    name: "instances",
    title: "the instances of a fleet as rows",
    mutate: room("src/instances"),
    tests: tests("instances/explain", "instances/down", "instances/model", "instances/memory"),
  },
  {
    group: "rooms",
    name: "streams",
    title: "messages in order, leased to workers",
    mutate: room("src/streams"),
    tests: tests(
      ...["streams/settling", "streams/dead-letters", "streams/exchange", "streams/lane-work", "streams/stream-state"],
      ...["streams/trim", "streams/wake", "streams/streams"],
    ),
  },
  {
    group: "rooms",
    name: "notify",
    title: "what systemd gets",
    mutate: room("src/notify"),
    tests: tests("notify/notify"),
  },
  {
    group: "rooms",
    name: "manifests",
    title: "files of a deployment, and what contradicts them",
    mutate: [...room("src/manifests"), ...room("src/manifests/check")],
    tests: tests("manifests/styles", "manifests/check"),
  },
];
