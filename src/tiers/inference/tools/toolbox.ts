/** Runs a model's tool calls while one message is answered, and collects the commands that are written with the answer. */
import { messageOf } from "../../../errors.ts";
import type { Writes } from "../../../redis/commands.ts";
import { Misfit } from "../../../schema.ts";
import type { Waiting } from "../../../until.ts";
import { fitted } from "../fitted.ts";
import { fleetTool } from "./fleet.ts";
import { recallTool } from "./recall.ts";
import { remindTool } from "./remind.ts";
import { timeTool } from "./time.ts";
import type { Tool, ToolContext } from "./tool.ts";

/** Every tool. */
const tools: readonly Tool[] = [timeTool, recallTool, fleetTool, remindTool];
const described = tools.map((tool) => tool.described);

/** bytes of UTF-8 of one result */
const maxResultBytes = 4096;
/** calls for one answer, of a model in a loop for example */
const maxCalls = 16;

export class Toolbox {
  /** the tools as the endpoint wants them */
  readonly described = described;
  readonly #context: Omit<ToolContext, "signal">;
  readonly #writes: Writes[] = [];
  #calls = 0;

  constructor(context: Omit<ToolContext, "signal">) {
    this.#context = context;
  }

  /**
   * Resolves with the text for the model: the result, or what is wrong with the call. Rejects with the signal's reason once that has
   * aborted.
   */
  async call(
    { name, arguments: json }: { readonly name: string; readonly arguments: string },
    { signal }: Waiting,
  ): Promise<string> {
    signal.throwIfAborted();
    this.#calls += 1;
    const tool = tools.find((one) => one.name === name);
    if (tool === undefined) return `error: there is no tool of this name; there are ${tools.map((one) => one.name).join(", ")}`;
    if (this.#calls > maxCalls) return `error: no more than ${maxCalls} calls for one answer`;
    try {
      const { text, writes } = await tool.run(json, { ...this.#context, signal });
      if (writes !== undefined) this.#writes.push(writes);
      return fitted(text, maxResultBytes);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Misfit) return `error: the arguments do not fit: ${error.message}`;
      return `error: the tool failed: ${fitted(messageOf(error), 200)}`;
    }
  }

  /** What the calls so far write, with the answer. */
  get writes(): Writes {
    return { keys: this.#writes.flatMap(({ keys }) => keys), commands: this.#writes.flatMap(({ commands }) => commands) };
  }
}
