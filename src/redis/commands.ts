/** Commands that a script runs in one step with its own check: those of a leader's commit, and those that settle a message. */

/** The type of `firstReply`. */
export interface FirstReply {
  readonly replyOf: "first command";
}

/** A placeholder for the reply of the first command, which must be a string or a number: the id of an XADD, for example. */
export const firstReply: FirstReply = { replyOf: "first command" };

/** One word of a command. Bytes are sent as they are. */
export type Word = string | number | Uint8Array | FirstReply;

/** A command of at most a few hundred words: `["HSET", key, "field", "value"]`. */
export type Command = readonly Word[];

/** Commands, and every key that they touch; on a Cluster the keys share one slot. */
export interface Writes {
  readonly keys: readonly string[];
  readonly commands: readonly Command[];
}

/** An argument as ioredis sends it. */
export type Argument = string | number | Buffer;

const sent = (word: Word): Argument => {
  if (typeof word !== "object") return word;
  return word instanceof Uint8Array ? Buffer.from(word.buffer, word.byteOffset, word.byteLength) : "";
};

/** The number of words, then the places of the placeholders: `6:4`. By place, since a text may have any value. */
const headOf = (command: Command): string =>
  command.reduce<string>((head, word, at) => (word === firstReply ? `${head}:${at + 1}` : head), String(command.length));

/** The commands as the arguments that `commandsLua` reads. */
export const commandArguments = (commands: readonly Command[]): Argument[] =>
  commands.flatMap((command) => [headOf(command), ...command.map(sent)]);

/**
 * Lua: `runCommands(from, to)` runs the commands in ARGV from one place to another. A command that Redis refuses raises its error and
 * stops the rest; those before it have been carried out. A command that grows memory is refused by a Redis whose memory is full
 * where it is the first write of the script, and not where it follows one.
 */
export const commandsLua = `
local function runCommands(from, to)
  local first
  local at = from
  while at <= to do
    local words, places = string.match(ARGV[at], '^(%d+)(.*)$')
    local reply
    if places == '' then
      reply = redis.call(unpack(ARGV, at + 1, at + words))
    else
      local command = { unpack(ARGV, at + 1, at + words) }
      for place in string.gmatch(places, '%d+') do command[tonumber(place)] = first end
      reply = redis.call(unpack(command))
    end
    if at == from then first = reply end
    at = at + words + 1
  end
end
`;
