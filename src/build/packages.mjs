/**
 * Cheaper forms of a few functions of ioredis and xstate, for bundles of programs: the command line, the opt-in door and the simulation.
 * Each does what the original does and can be proposed to its package; the plain library loads the packages as they are. A text that a
 * new version no longer has is an error of the build.
 */

/**
 * ioredis gives a prototype some 600 methods one by one, and V8 copies the list of all that it has for each of them. An object that has
 * lost a property which was not its last is a dictionary, to which adding costs nothing; V8 makes a fast prototype of it again when it is
 * first used as one. To be proposed to ioredis, where defining them in one go does the same. On Node 20 `require("ioredis")` takes 0.81 of the
 * processor time by it, 3 scavenges instead of 7, and 8 MB less. From outside there is no way in: the methods are added while the module
 * is evaluated.
 */
const commandsAtOnce = {
  file: /ioredis.built.utils.Commander\.js$/,
  from: "commands.forEach(function (commandName) {",
  to: `Commander.prototype.a = Commander.prototype.b = 0;
delete Commander.prototype.a;
delete Commander.prototype.b;
commands.forEach(function (commandName) {`,
};

/** The value and the tags of a snapshot follow from its state nodes alone, and a chart has few sets of them: each is worked out once. */
const configurationsOnce = {
  file: /xstate.dist.raise-\w+\.esm\.js$/,
  from: "function createMachineSnapshot(config, machine) {",
  to: `const configurations = new WeakMap();
function workOut(root, nodes) {
  return { value: getStateValue(root, nodes), tags: new Set(nodes.flatMap(sn => sn.tags)) };
}
function configurationOf(root, nodes) {
  let key = 0;
  if (nodes.length > 5) return workOut(root, nodes);
  for (const { order } of nodes) {
    if (order > 1000) return workOut(root, nodes);
    key = key * 1024 + order + 1;
  }
  let known = configurations.get(root);
  if (known === undefined) configurations.set(root, (known = new Map()));
  let found = known.get(key);
  if (found === undefined) known.set(key, (found = workOut(root, nodes)));
  return found;
}
function createMachineSnapshot(config, machine) {
  const { value, tags } = configurationOf(machine.root, config._nodes);`,
};

const snapshotValue = {
  file: configurationsOnce.file,
  from: `    value: getStateValue(machine.root, config._nodes),
    tags: new Set(config._nodes.flatMap(sn => sn.tags)),`,
  to: "    value,\n    tags,",
};

/** A snapshot in the same state nodes keeps its value and its tags. */
const snapshotsShare = {
  file: configurationsOnce.file,
  from: `function cloneMachineSnapshot(snapshot, config = {}) {
`,
  to: `function cloneMachineSnapshot(snapshot, config = {}) {
  if (!("_nodes" in config)) {
    return {
      status: "status" in config ? config.status : snapshot.status,
      output: "output" in config ? config.output : snapshot.output,
      error: "error" in config ? config.error : snapshot.error,
      machine: snapshot.machine,
      context: "context" in config ? config.context : snapshot.context,
      _nodes: snapshot._nodes,
      value: snapshot.value,
      tags: snapshot.tags,
      children: "children" in config ? config.children : snapshot.children,
      historyValue: snapshot.historyValue,
      matches: machineSnapshotMatches,
      hasTag: machineSnapshotHasTag,
      can: machineSnapshotCan,
      getMeta: machineSnapshotGetMeta,
      toJSON: machineSnapshotToJSON
    };
  }
`,
};

/** One transition conflicts with none. */
const oneTransition = {
  file: configurationsOnce.file,
  from: "function removeConflictingTransitions(enabledTransitions, stateNodeSet, historyValue) {\n",
  to: `function removeConflictingTransitions(enabledTransitions, stateNodeSet, historyValue) {
  if (enabledTransitions.length < 2) return enabledTransitions;
`,
};

/** Most states have no eventless transition, and none of their ancestors has. */
const eventlessOnly = {
  file: configurationsOnce.file,
  from: "function selectEventlessTransitions(nextState, event) {\n",
  to: `function hasEventless(stateNode) {
  for (let node = stateNode; node; node = node.parent) if (node.always) return true;
  return false;
}
function selectEventlessTransitions(nextState, event) {
  if (!nextState._nodes.some(hasEventless)) return [];
`,
};

/** Without history the domain of a transition is always the same. */
const domainsOnce = {
  file: configurationsOnce.file,
  from: "function getTransitionDomain(transition, historyValue) {\n",
  to: `const domains = new WeakMap();
function getTransitionDomain(transition, historyValue) {
  if (domains.has(transition)) return domains.get(transition);
  const domain = findTransitionDomain(transition, historyValue);
  if (!transition.target?.some(isHistoryNode)) domains.set(transition, domain);
  return domain;
}
function findTransitionDomain(transition, historyValue) {
`,
};

/** Few state nodes have a history among their children. */
const historyNodesOnce = {
  file: configurationsOnce.file,
  from: `function getHistoryNodes(stateNode) {
  return `,
  to: `const histories = new WeakMap();
function getHistoryNodes(stateNode) {
  let found = histories.get(stateNode);
  if (found === undefined) histories.set(stateNode, (found = findHistoryNodes(stateNode)));
  return found;
}
function findHistoryNodes(stateNode) {
  return `,
};

/** An inspection event is made for one call, so it can take the last of its keys where it is. */
const inspectionInPlace = {
  file: configurationsOnce.file,
  from: `    const resolvedInspectionEvent = {
      ...event,
      rootId: rootActor.sessionId
    };
    inspectionObservers.forEach(observer => observer.next?.(resolvedInspectionEvent));`,
  to: `    event.rootId = rootActor.sessionId;
    for (const observer of inspectionObservers) observer.next?.(event);`,
};

/** The candidates of an event by its type, without a text that is put together for each look. */
const candidatesByType = {
  file: /xstate.dist.StateMachine-\w+\.esm\.js$/,
  from: "const candidates = memo(this, `candidates-$" + "{eventType}`, () => getCandidates(this, eventType));",
  to: `let candidates = this._candidates?.get(eventType);
    if (candidates === undefined) {
      candidates = getCandidates(this, eventType);
      (this._candidates ??= new Map()).set(eventType, candidates);
    }`,
};

/** A literal is copied in one go, `Object.assign` goes from key to key. */
const contextInOne = {
  file: /xstate.dist.assign-\w+\.esm\.js$/,
  from: "Object.assign({}, snapshot.context, partialUpdate)",
  to: "{ ...snapshot.context, ...partialUpdate }",
};

const patches = [
  commandsAtOnce,
  configurationsOnce,
  snapshotValue,
  snapshotsShare,
  oneTransition,
  eventlessOnly,
  domainsOnce,
  historyNodesOnce,
  inspectionInPlace,
  candidatesByType,
  contextInOne,
];

const patched = (code, id, { from, to }) => {
  if (code.split(from).length !== 2) throw new Error(`${id} no longer has, once, the text ${from}`);
  return code.replace(from, () => to);
};

/** A plugin of rolldown. */
export const cheaperPackages = {
  name: "cheaper-packages",
  transform(code, id) {
    const own = patches.filter(({ file }) => file.test(id));
    return own.length === 0 ? null : own.reduce((text, patch) => patched(text, id, patch), code);
  },
};
