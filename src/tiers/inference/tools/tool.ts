/** A tool as data: what a model reads about it, and what its arguments have to be. Both are made from one list of fields. */

import type { RedisClient } from "../../../redis/client.ts";
import type { Writes } from "../../../redis/commands.ts";
import type { Reader } from "../../../schema.ts";
import { fitting, object, optional, readJson, text } from "../../../schema.ts";
import type { Waiting } from "../../../until.ts";
import type { Inbound } from "../../messages/envelope.ts";

interface AnyField {
  readonly about: string;
  readonly isOptional?: boolean;
}
interface TextField extends AnyField {
  readonly type: "string";
  /** characters */
  readonly maxLength: number;
}
interface IntegerField extends AnyField {
  readonly type: "integer";
  readonly minimum: number;
  readonly maximum: number;
}
/** One argument. */
export type Field = TextField | IntegerField;
export type Fields = Readonly<Record<string, Field>>;

type ValueOf<F extends Field> = F extends TextField ? string : number;
/** The arguments that the fields describe. */
export type ArgumentsOf<F extends Fields> = {
  readonly [Name in keyof F]: F[Name] extends { isOptional: true } ? ValueOf<F[Name]> | undefined : ValueOf<F[Name]>;
};

/** What a tool works on: one message of one conversation. */
export interface ToolContext extends Waiting {
  readonly redis: RedisClient;
  readonly message: Inbound;
  /** ms since the epoch */
  readonly now: number;
}

/** What a tool returns to the model, and what is written with the answer: in the same step, or not at all. */
export interface ToolResult {
  readonly text: string;
  readonly writes?: Writes;
}

export interface Tool {
  readonly name: string;
  /** as the endpoint wants it */
  readonly described: unknown;
  /** Checks the arguments and runs. Rejects with a `Misfit` that says which argument is wrong, and with what the tool's work rejects with. */
  run(json: string, context: ToolContext): Promise<ToolResult>;
}

/** of the JSON of the arguments */
const maxArgumentBytes = 8192;

const readerOf = (field: Field): Reader<unknown> => {
  const reader: Reader<unknown> =
    field.type === "string"
      ? text(field.maxLength)
      : fitting(
          (value): value is number =>
            Number.isInteger(value) && (value as number) >= field.minimum && (value as number) <= field.maximum,
          `a whole number from ${field.minimum} to ${field.maximum}`,
        );
  return field.isOptional ? optional(reader) : reader;
};

const schemaOf = (fields: Fields): unknown => ({
  type: "object",
  properties: Object.fromEntries(
    Object.entries(fields).map(([name, { about, isOptional, ...schema }]) => [name, { ...schema, description: about }]),
  ),
  required: Object.keys(fields).filter((name) => !fields[name]!.isOptional),
  additionalProperties: false,
});

export interface ToolDefinition<F extends Fields> {
  readonly name: string;
  /** when a model should call it */
  readonly about: string;
  readonly fields: F;
  run(args: ArgumentsOf<F>, context: ToolContext): Promise<ToolResult> | ToolResult;
}

export const tool = <const F extends Fields>({ name, about, fields, run }: ToolDefinition<F>): Tool => {
  const read = object(Object.fromEntries(Object.entries(fields).map(([field, schema]) => [field, readerOf(schema)])));
  return {
    name,
    described: { type: "function", function: { name, description: about, parameters: schemaOf(fields) } },
    run: async (json, context) => {
      // a tool without arguments is called with an empty text by some models
      const args = readJson(json.trim() === "" ? "{}" : json, { bytes: maxArgumentBytes, read });
      return run(args as ArgumentsOf<F>, context);
    },
  };
};
