/** The public door of `stargazer/machines`: every chart, its types, and readers of its snapshots. Nothing here touches a socket or a timer. */
export type { ChatEvent, ChatSnapshot } from "./chat.machine.ts";
export { chatMachine } from "./chat.machine.ts";
export type {
  CheckContext,
  CheckEvent,
  CheckFact,
  CheckInput,
  CheckJudged,
  CheckKind,
  CheckSettings,
  CheckSnapshot,
  CheckVerdict,
} from "./check.machine.ts";
export { checkMachine } from "./check.machine.ts";
export type { Companion, CompanionCommand, CompanionOutput } from "./companion.ts";
export type {
  ClaimAnswer,
  ConsumerContext,
  ConsumerEvent,
  ConsumerInput,
  ConsumerSnapshot,
  ConsumerTimes,
  LaneFreed,
} from "./consumer.machine.ts";
export { consumerMachine, defaultConsumerTimes } from "./consumer.machine.ts";
export type { StateDeadline, StateMeta, StateWords, Tone } from "./describe.ts";
export { deadlineOf, descriptionOf, statesOf, tagsAt, waitsForAt, waitsForOf } from "./describe.ts";
export type { LifecycleFact } from "./facts.ts";
export type {
  FleetActor,
  FleetAddresses,
  FleetCommand,
  FleetContext,
  FleetEvent,
  FleetFact,
  FleetInput,
  FleetMachine,
  FleetOutput,
  FleetPlan,
  FleetRedis,
  FleetRequest,
  FleetSettings,
  FleetSnapshot,
  FolderInput,
  PlannedService,
  RedisCommand,
  RedisFact,
  RedisInput,
  RedisLogic,
  RedisPlace,
  RedisView,
  RunFolder,
  ServiceEnding,
  ServicesCommand,
  ServicesFact,
  ServicesInput,
  ServicesLogic,
  ServiceView,
} from "./fleet.machine.ts";
export { defaultFleetSettings, fleetMachine } from "./fleet.machine.ts";
export type {
  GroupActor,
  GroupCause,
  GroupCommand,
  GroupContext,
  GroupEnd,
  GroupEvent,
  GroupFailing,
  GroupInput,
  GroupMachine,
  GroupMember,
  GroupOutput,
  GroupSnapshot,
  MemberCommand,
  MemberFact,
  MemberInput,
  MemberLogic,
  MemberPlace,
  MemberRecord,
} from "./group.machine.ts";
export { groupMachine } from "./group.machine.ts";
export type {
  HealthFact,
  HealthPortActor,
  HealthPortCommand,
  HealthPortContext,
  HealthPortEvent,
  HealthPortInput,
  HealthPortMachine,
  HealthPortSnapshot,
} from "./health-port.machine.ts";
export { healthPortMachine } from "./health-port.machine.ts";
export type {
  LeadAnswer,
  LeadershipContext,
  LeadershipEvent,
  LeadershipFact,
  LeadershipInput,
  LeadershipOutput,
  LeadershipSnapshot,
  LeadershipTimes,
  LeadTerm,
  RenewAnswer,
  TaskCommand,
  TaskEnd,
} from "./leadership.machine.ts";
export { defaultLeadershipTimes, leadershipMachine } from "./leadership.machine.ts";
export type {
  EntryHolder,
  LeaseAnswer,
  LeaseContext,
  LeaseEvent,
  LeaseFact,
  LeaseInput,
  LeaseSnapshot,
  LeaseTag,
  LeaseTimes,
  LeaseWrite,
} from "./lease.machine.ts";
export { isLeaseHeld, leaseMachine } from "./lease.machine.ts";
export type {
  Begun,
  Cause,
  CompanionSpawn,
  HookFact,
  LateError,
  LifecycleActor,
  LifecycleCommand,
  LifecycleContext,
  LifecycleEvent,
  LifecycleInput,
  LifecycleMachine,
  LifecycleOutput,
  LifecycleSnapshot,
  LifecycleTag,
  ReleaseWork,
} from "./lifecycle.machine.ts";
export { lifecycleMachine } from "./lifecycle.machine.ts";
export type { MessageEvent, MessageSnapshot } from "./message.machine.ts";
export { messageMachine } from "./message.machine.ts";
export type {
  ChartPhase,
  EndedPhase,
  Failure,
  LeaseStatus,
  LifePart,
  Moment,
  PhaseOutcome,
  PhaseRecord,
  StateName,
  StopStep,
} from "./phases.ts";
export {
  effectPhases,
  finalState,
  hasStopped,
  initialState,
  isBooting,
  isChartPhase,
  isOpen,
  isRunning,
  isStopping,
  leaseStatuses,
  lifePartOf,
  runningState,
  stateNames,
  stoppingState,
  stopSteps,
  takesWork,
} from "./phases.ts";
export type { LifecycleSettings } from "./settings.ts";
export { defaultSettings } from "./settings.ts";
export { canReach, stateName, statePath } from "./state.ts";
export type {
  ChildAddress,
  ChildAddresses,
  ChildCommand,
  ChildExit,
  ChildFact,
  ChildInput,
  ChildLogic,
  ChildReport,
  ListenerName,
  SupervisorActor,
  SupervisorCommand,
  SupervisorContext,
  SupervisorEnd,
  SupervisorEvent,
  SupervisorInput,
  SupervisorMachine,
  SupervisorOutput,
  SupervisorSettings,
  SupervisorSnapshot,
} from "./supervisor.machine.ts";
export { defaultSupervisorSettings, supervisorMachine } from "./supervisor.machine.ts";
