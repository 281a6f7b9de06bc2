/** Inference: stateless workers that answer messages. Any number of them share one consumer group. */
import { StargazerService } from "../../service/service.ts";
import type { HookContext, ServiceOptions } from "../../service/types.ts";
import type { Work } from "../../streams/attempt.ts";
import type { ConsumerOptions } from "../../streams/consumer.ts";
import { LaneConsumer } from "../../streams/consumer.ts";
import { deadLetterRetention } from "../../streams/dead-letters.ts";
import { keepTrimmed } from "../../streams/trim.ts";
import { noticeWrites } from "../messages/answer.ts";
import type { Inbound } from "../messages/envelope.ts";
import { parseInbound } from "../messages/envelope.ts";
import { messageKeys, workersGroup } from "../messages/keys.ts";
import { carrying, traced } from "../messages/traced.ts";
import { memoryTokens } from "../settings.ts";
import { answerTo } from "./answering.ts";
import type { Responder } from "./responder.ts";
import { chooseResponder } from "./responders.ts";

/** The options of a service, the responder, and how the stream is consumed. */
export interface InferenceOptions extends Partial<ServiceOptions> {
  /** Default: the model of `OPENAI_BASE_URL`, else the offline responder. */
  readonly responder?: Responder;
  /** Attempts, times and concurrency; see `ConsumerOptions`. */
  readonly work?: Partial<Pick<ConsumerOptions<Inbound>, "concurrency" | "maxAttempts" | "leaseMs" | "retryMs" | "graceMs">>;
}

/** ms for which a message is kept after it was settled */
const settledMs = 3_600_000;

/** The tier `inference`. */
export class InferenceService extends StargazerService {
  readonly #responder: Responder;
  readonly #memoryTokens = memoryTokens();
  readonly #work: InferenceOptions["work"];

  constructor({ responder, work, ...options }: InferenceOptions = {}) {
    super({ serviceName: "inference", ...options });
    this.#responder = responder ?? chooseResponder();
    this.#work = work;
  }

  protected override describe(): Record<string, unknown> {
    return { responder: this.#responder.name };
  }

  protected onStart(): void {}

  protected async run({ redis, signal, stopping, log, spawn }: HookContext): Promise<void> {
    const answering = { redis, log, responder: this.#responder, memoryTokens: this.#memoryTokens };
    const stream = messageKeys(redis).inbound;
    const processing = { operation: "process", destination: stream, group: workersGroup } as const;
    const by = this.instanceId;
    const answer = (message: Inbound, { token, attempt, signal: until }: Work) =>
      traced({ ...processing, messageId: message.id, attempt, ...carrying(message.traceparent) }, (traceparent) =>
        answerTo(
          answering,
          { ...message, ...carrying(traceparent) },
          { token, signal: until, epochNow: Date.now, way: { by, attempts: attempt } },
        ),
      );
    const retentions = [{ stream, groups: [workersGroup], retainMs: settledMs }, deadLetterRetention(redis)];
    const trimming = keepTrimmed({ redis, log, signal, retentions });
    await new LaneConsumer({
      redis,
      log,
      stream,
      group: workersGroup,
      laneFields: ["platform", "channel"],
      parse: parseInbound,
      handle: answer,
      buried: (message) => noticeWrites(redis, message, { at: Date.now() }),
      ...this.#work,
    }).run({ signal: stopping, spawn });
    await trimming;
  }

  protected onStop(): void {}
}
