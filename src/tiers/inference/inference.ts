/** Inference: stateless workers that answer messages. Any number of them share one consumer group. */
import { StargazerService } from "../../service/service.ts";
import type { HookContext, ServiceOptions } from "../../service/types.ts";
import type { ConsumerOptions, Work } from "../../streams/consumer.ts";
import { StreamConsumer } from "../../streams/consumer.ts";
import type { Inbound } from "../messages/envelope.ts";
import { parseInbound } from "../messages/envelope.ts";
import { messageKeys } from "../messages/keys.ts";
import { reply } from "../messages/producer.ts";
import { memoryTokens } from "../settings.ts";
import { answerTo } from "./answering.ts";
import type { Responder } from "./responder.ts";
import { chooseResponder } from "./responders.ts";

/** The options of a service, the responder, and how the stream is consumed. */
export interface InferenceOptions extends Partial<ServiceOptions> {
  /** Default: the model of `OPENAI_BASE_URL`, else the offline responder. */
  readonly responder?: Responder;
  /** Attempts, times and concurrency; see `ConsumerOptions`. */
  readonly work?: Partial<Pick<ConsumerOptions<Inbound>, "concurrency" | "maxAttempts" | "claimIdleMs" | "retryMs" | "graceMs">>;
}

/** The consumer group of all workers. */
export const workersGroup = "sg:workers";

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

  protected async run({ redis, signal, log }: HookContext): Promise<void> {
    const answering = { redis, log, responder: this.#responder, memoryTokens: this.#memoryTokens };
    const answer = async (message: Inbound, { entryId, attempt: token, signal: until }: Work) => {
      const writes = await answerTo(answering, message, { token, signal: until, epochNow: Date.now });
      await reply(redis, { group: workersGroup, entryId, message, writes });
    };
    await new StreamConsumer({
      redis,
      log,
      stream: messageKeys(redis).inbound,
      group: workersGroup,
      consumer: this.instanceId,
      parse: parseInbound,
      laneOf: ({ platform, channel }) => `${platform}/${channel}`,
      handle: answer,
      handlerAcknowledges: true,
      ...this.#work,
    }).run({ signal });
  }

  protected onStop(): void {}
}
