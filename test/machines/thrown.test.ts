/** The message and the code of any thrown value. */
import { describe, expect, it } from "vitest";
import { adviceOf, isOf, messageOf, nameOf, ownCodeOf } from "../../machines/thrown.ts";
import { StargazerError } from "../../src/errors.ts";

const unprintable = {
  [Symbol.toPrimitive]: () => {
    throw new Error("no");
  },
  get name(): string {
    throw new Error("no");
  },
  get code(): string {
    throw new Error("no");
  },
};
const { proxy: revoked, revoke } = Proxy.revocable({}, {});
revoke();
const odd = Object.assign(new Error("odd"), { name: 7, code: 7 });

describe("what was thrown", () => {
  it.each([
    [new TypeError("torn"), "torn"],
    [Object.assign(new Error(""), { message: 7 }), "7"],
    ["a text", "a text"],
    [undefined, "undefined"],
    [null, "null"],
    [unprintable, "something that cannot be printed was thrown"],
    [Object.create(null), "something that cannot be printed was thrown"],
  ])("%# has a message", (thrown, message) => {
    expect(messageOf(thrown)).toBe(message);
  });

  it("has 8192 characters of a message at most", () => {
    const long = "m".repeat(8192);
    expect([long, new Error(`${long}m`)].map(messageOf)).toEqual([long, `${"m".repeat(8191)}…`]);
  });

  it("has a name where it has one", () => {
    expect([new TypeError("torn"), undefined, null, "text", odd, unprintable].map(nameOf)).toEqual([
      "TypeError",
      ...Array(5).fill(undefined),
    ]);
  });

  it("has a code where that is one of ours", () => {
    expect(ownCodeOf(new StargazerError("SG_ERR_REGISTRY", "torn"))).toBe("SG_ERR_REGISTRY");
    const foreign = [{ code: "ECONNREFUSED" }, { code: "X_SG_ERR_" }, {}, undefined, null, odd, unprintable, revoked];
    expect(foreign.map(ownCodeOf)).toEqual(Array(8).fill(undefined));
  });

  it("may be what cannot even be looked at", () => {
    expect(messageOf(revoked)).toBe("something that cannot be printed was thrown");
  });

  it("is of a class, or is not, or cannot be asked", () => {
    const kinds = [new TypeError("torn"), odd, unprintable, revoked, undefined].map((thrown) => isOf(thrown, Error));
    expect(kinds).toEqual([true, true, false, false, false]);
  });
});

it("has an advice where it carries one as a text", () => {
  expect(adviceOf(Object.assign(new Error("full"), { advice: "Make room." }))).toBe("Make room.");
  expect([adviceOf(new Error("full")), adviceOf(undefined), adviceOf(revoked)]).toEqual([undefined, undefined, undefined]);
});
