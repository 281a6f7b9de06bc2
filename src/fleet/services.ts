/** The services of a fleet, each a process under its supervisor, as one actor of the fleet's chart. */
import { closeSync, openSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromCallback, waitFor } from "xstate";
import type {
  ChildAddress,
  ChildAddresses,
  ChildLogic,
  FleetAddresses,
  ServicesCommand,
  ServicesFact,
  ServicesInput,
  ServicesLogic,
  SupervisorSnapshot,
} from "../../machines/index.ts";
import type { InstanceName } from "../registry/entry.ts";
import { processChild, supervise } from "../supervisor/index.ts";
import { ExitJournal } from "./exits.ts";
import { exposuresOf } from "./exposure.ts";
import { environmentOf } from "./plan.ts";
import { watchForRemoval } from "./removed.ts";
import type { Member } from "./views.ts";
import { endingOf, urlOf, viewOf } from "./views.ts";

type Send = (fact: ServicesFact) => void;

/** The command line itself, built or not: a service is `run` of the same program. */
const program = fileURLToPath(new URL(`../cli/main${extname(import.meta.url)}`, import.meta.url));

/**
 * Starts every service at once. Sends `services.started`, then what changes, `services.ready` when all have been running, and
 * `services.ended` when no process is left and none will be started. `stop` is one SIGTERM to each, `kill` SIGKILL to all.
 */
export const services: ServicesLogic = fromCallback<ServicesCommand, ServicesInput>(({ input, sendBack, receive }) => {
  const send: Send = sendBack;
  const logs: (number | undefined)[] = [];
  try {
    for (const path of logsOf(input)) logs.push(path === undefined ? undefined : openSync(path, "a", 0o600));
    const members = input.plan.services.map((_, index) => superviseOne(input, index, logs[index]));
    receive(({ type }) => {
      for (const { supervisor } of members) void supervisor[type]();
    });
    for (const message of exposuresOf(input.plan)) send({ type: "notice", message });
    send({ type: "services.started", services: members.map(viewOf) });
    for (const member of members) report(member, members, input.plan.token, send);
    const exits = new ExitJournal(input.redisUrl);
    for (const member of members) exits.follow(member);
    endWithTheLast(members);
    void reportReady(members, send);
    void reportEnd({ members, logs, exits }, send);
    const unwatch = watchFolder(input, send);
    return () => {
      unwatch();
      for (const { supervisor } of members) void supervisor.kill();
    };
  } catch (error) {
    // a log could not be opened; no process was started
    closeAll(logs);
    send({ type: "services.failed", error });
    send({ type: "services.ended", endings: [] });
    return undefined;
  }
});

/** What runs, from the start to the last ending. */
interface Running {
  readonly members: readonly Member[];
  readonly logs: readonly (number | undefined)[];
  readonly exits: ExitJournal;
}

/** The log of each service, opened before the first process starts; undefined without a run folder. */
const logsOf = ({ plan: { folder, services: planned } }: ServicesInput): (string | undefined)[] =>
  planned.map(({ name }) => (folder === undefined ? undefined : join(folder.path, `${name}.log`)));

const watchFolder = ({ plan: { folder } }: ServicesInput, send: Send): (() => void) => {
  if (folder === undefined) return () => {};
  const message = `the folder of this fleet, ${folder.path}, was removed: other shells cannot find the fleet, and its logs are lost. Stop it (Ctrl-C) and start it again.`;
  return watchForRemoval(folder.path, () => send({ type: "notice", message }));
};

const closeAll = (logs: readonly (number | undefined)[]): void => {
  for (const descriptor of logs) if (descriptor !== undefined) closeSync(descriptor);
};

const superviseOne = (input: ServicesInput, index: number, descriptor: number | undefined): Member => {
  const { plan, redisUrl } = input;
  const service = plan.services[index]!;
  const log = logsOf(input)[index];
  const given: InstanceName = { service: service.tier, instance: service.name };
  let sent: InstanceName[] = [];
  const specOf = (addresses: ChildAddresses) => {
    sent = [];
    return {
      command: process.execPath,
      args: [program, "run", ...(service.module === undefined ? [service.tier, "--instance", service.name] : [service.module])],
      env: environmentOf(plan, service, { redisUrl, addresses }),
      log: descriptor,
    };
  };
  const child: ChildLogic = processChild(specOf, (name) => void sent.push(name));
  return { ...service, log, supervisor: supervise(child), namesOf: () => (sent.length === 0 ? [given] : sent) };
};

/** Sends each phase and each process of the service, where it listens, and its loss. */
const report = (member: Member, members: readonly Member[], token: string, send: Send): void => {
  let last = viewOf(member);
  let { addresses } = member.supervisor.actor.getSnapshot().context;
  member.supervisor.actor.subscribe((snapshot) => {
    reportAddresses(member, addresses, members, token, send);
    addresses = snapshot.context.addresses;
    const service = viewOf(member);
    const isBetweenProcesses = snapshot.matches("alive") && service.pid === undefined;
    if (isBetweenProcesses || (service.phase === last.phase && service.pid === last.pid)) return;
    last = service;
    send({ type: "service.changed", service });
    if (snapshot.matches("givenUp")) send({ type: "service.lost", service, cause: service.cause, ...retryOf(member, members) });
  });
};

const reportAddresses = (member: Member, before: ChildAddresses, members: readonly Member[], token: string, send: Send): void => {
  const { addresses } = member.supervisor.actor.getSnapshot().context;
  const { http, health } = addresses;
  const reportTaken = (whose: string, { taken, port }: ChildAddress): void => {
    if (taken.length > 0) send({ type: "port.taken", whose, taken, port });
  };
  if (health !== undefined && health !== before.health) reportTaken(`${member.name} health`, health);
  if (http === undefined || http === before.http) return;
  reportTaken(member.name, http);
  const isFirst = members.find(({ tier }) => tier === member.tier) === member;
  if (!isFirst || !isAddressed(member.tier)) return;
  // a fragment is sent to no server; the page takes the token from it
  const url = member.tier === "web" ? `${urlOf(http)}/#${token}` : urlOf(http);
  send({ type: "fleet.listening", tier: member.tier, url });
};

/** No process is left, and only the retry of a given-up service could start one. */
const isOver = ({ supervisor: { actor } }: Member): boolean => {
  const snapshot = actor.getSnapshot();
  return snapshot.matches("givenUp") || snapshot.status !== "active";
};

/** The last service to be given up is not started again: the fleet ends with it. */
const retryOf = ({ supervisor }: Member, members: readonly Member[]): { retryMs?: number } =>
  members.every(isOver) ? {} : { retryMs: supervisor.actor.getSnapshot().context.settings.restartWindowMs };

/** A fleet without a process does not wait for a retry. */
const endWithTheLast = (members: readonly Member[]): void => {
  const end = () => {
    if (members.every(isOver)) for (const { supervisor } of members) void supervisor.stop();
  };
  for (const { supervisor } of members) supervisor.actor.subscribe(end);
};

const isAddressed = (tier: string): tier is keyof FleetAddresses => tier === "gateway" || tier === "web";

/** A service that ends before it runs keeps the fleet from being ready; one that was given up does so until its retry. */
const reportReady = async (members: readonly Member[], send: Send): Promise<void> => {
  const isUp = (snapshot: SupervisorSnapshot) => snapshot.matches({ alive: "up" });
  const allUp = await Promise.allSettled(members.map(({ supervisor: { actor } }) => waitFor(actor, isUp)));
  if (allUp.every(({ status }) => status === "fulfilled")) send({ type: "services.ready" });
};

/** The last exits are written while Redis is still there. */
const reportEnd = async ({ members, logs, exits }: Running, send: Send): Promise<void> => {
  const endings = await Promise.all(members.map(async (member) => endingOf(member, await member.supervisor.ended)));
  await exits.settled();
  closeAll(logs);
  send({ type: "services.ended", endings });
};
