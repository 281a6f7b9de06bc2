/** What the bundles of the command line and of the opt-in door change in ioredis. */
import { describe, expect, it } from "vitest";
import { commandsAtOnce } from "../../src/build/packages.mjs";

describe("the methods of ioredis in a bundle", () => {
  it("are added to a prototype that is a dictionary, and a version without the text is refused", () => {
    const file = "node_modules/ioredis/built/utils/Commander.js";
    const adding = "commands.forEach(function (commandName) {";
    expect(commandsAtOnce.transform(`${adding}});`, file)).toMatch(/^Commander\.prototype\.a = .*delete .*commands\.forEach/s);
    expect(() => commandsAtOnce.transform("const commands = [];", file)).toThrow(`no longer has, once, the text ${adding}`);
    expect(commandsAtOnce.transform("", "node_modules/fastify/fastify.js")).toBeNull();
  });
});
