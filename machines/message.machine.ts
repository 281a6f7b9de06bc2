/**
 * The life of one message, from the stream to its answer: a specification. No actor runs it; its arrows are the calls of the scripts in
 * `src/streams/scripts.ts` and `exchange-script.ts`, and a call without an arrow here changes nothing in Redis.
 *
 *   accepted -> waiting <-> working -> answered | buried -> replayed | dropped        working -> resting -> waiting
 *
 * The messages of a lane are worked on one after another: while one of them works or rests, those behind it wait. `rest.ended` has no
 * call: it is the clock of Redis. A lease that has ended changes nothing by itself: a claim takes the message under a new token, and
 * until then its worker may still settle it.
 * The arrow that does not exist: nothing leads from `answered` anywhere, so no message is answered twice.
 */
import type { SnapshotFrom } from "xstate";
import { setup } from "xstate";
import type { StateMeta } from "./describe.ts";

/** A call of a script, and what it does to the message; or the passing of a time in Redis. */
export type MessageEvent =
  /** it is put into its lane, behind another message or beyond what was wanted */
  | { type: "claim.routed" }
  /** its lane is leased to the worker that called, with it as the head */
  | { type: "claim.taken" }
  /** its lease had ended: its worker died or was paused, which is counted apart from failures */
  | { type: "claim.retaken" }
  /** the message before it is settled, and its worker goes on with this one */
  | { type: "settle.passed" }
  /** the lease is prolonged */
  | { type: "renew" }
  /** its answer is written, in one step with the acknowledgement */
  | { type: "settle.answered" }
  /** its dead letter is written, in one step with the acknowledgement and a notice to its author */
  | { type: "settle.buried" }
  /** the attempt failed, and is counted */
  | { type: "giveUp.failed" }
  /** its worker stops; the attempt is not counted */
  | { type: "giveUp.handedBack" }
  | { type: "rest.ended" }
  /** it is put back at the end of its lane, as a new entry */
  | { type: "replay" }
  | { type: "drop" };

// equivalent mutant: types have no meaning at run time
const message = setup({ types: {} as { events: MessageEvent; meta: StateMeta } });

/** The specification of a message's life. */
export const messageMachine = message.createMachine({
  id: "message",
  description:
    "A message that was accepted is answered once, in the order of its lane, or is kept as a dead letter with a reason.",
  initial: "accepted",
  states: {
    accepted: {
      description: "On the stream, in no lane yet.",
      meta: { waitsFor: "a claim that routes it" },
      on: { "claim.routed": "waiting", "claim.taken": "working" },
    },
    waiting: {
      description: "In its lane; no worker has it.",
      meta: { waitsFor: "the messages before it, and a worker with room" },
      on: { "claim.taken": "working", "settle.passed": "working" },
    },
    working: {
      description: "A worker has its lane, under a token: only calls with that token are accepted.",
      meta: { waitsFor: "the worker to settle it", tone: "good" },
      on: {
        renew: "working",
        "claim.retaken": "working",
        "settle.answered": "answered",
        "settle.buried": "buried",
        "giveUp.failed": "resting",
        "giveUp.handedBack": "waiting",
      },
    },
    resting: {
      description: "An attempt failed; its lane rests, so no later message overtakes it.",
      meta: { waitsFor: "the rest to end", tone: "caution" },
      on: { "rest.ended": "waiting" },
    },
    answered: { type: "final", description: "Its answer is written and it is acknowledged.", meta: { tone: "good" } },
    buried: {
      description: "A dead letter, with a reason; its author has a notice, and its lane goes on.",
      meta: { waitsFor: "a person to replay or drop it", tone: "bad" },
      on: { replay: "replayed", drop: "dropped" },
    },
    replayed: { type: "final", description: "Accepted once more, as a new entry at the end of its lane." },
    dropped: { type: "final", description: "Deleted by a person." },
  },
} satisfies Parameters<typeof message.createMachine>[0]);

/** Where a message is. */
export type MessageSnapshot = SnapshotFrom<typeof messageMachine>;
