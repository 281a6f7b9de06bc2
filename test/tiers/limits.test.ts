/** What one visitor may take of a gateway: rates, unanswered messages and sockets, by conversation and address. */
import { beforeEach, describe, expect, it } from "vitest";
import { Buckets } from "../../src/tiers/gateway/webchat/buckets.ts";
import { addressOf, Limiter } from "../../src/tiers/gateway/webchat/limits.ts";

let now = 0;
const clock = () => now;
beforeEach(() => {
  now = 0;
});

describe("a bucket", () => {
  it("gives what is in it, and the seconds until there is enough", () => {
    const buckets = new Buckets({ perS: 2, burst: 4 }, clock);
    expect([buckets.take("a", 3), buckets.take("a", 3), buckets.take("b", 4)]).toEqual([0, 1, 0]);
    now = 999;
    expect(buckets.take("a", 3)).toBe(1);
    now = 1000;
    expect([buckets.take("a", 3), buckets.take("a", 4)]).toEqual([0, 2]);
  });

  it("holds no more than its burst, is full where it is forgotten, and takes back what was taken", () => {
    const buckets = new Buckets({ perS: 1, burst: 2 }, clock);
    buckets.take("a", 2);
    now = 60_000;
    buckets.tidy();
    expect([buckets.take("a", 2), buckets.take("a", 1)]).toEqual([0, 1]);
    buckets.give("a", 1);
    expect(buckets.take("a", 1)).toBe(0);
    buckets.tidy();
    expect(buckets.take("a", 1)).toBe(1);
  });
});

describe("the address that limits count by", () => {
  it.each([
    ["192.0.2.1", undefined, "192.0.2.1"],
    ["::ffff:192.0.2.1", undefined, "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", undefined, "2001:db8:1:2"],
    ["2001:db8::6", undefined, "2001:db8:0:0"],
    ["fe80::1%eth0", undefined, "fe80:0:0:0"],
    ["192.0.2.1", "198.51.100.7", "192.0.2.1"],
    ["127.0.0.1", undefined, undefined],
    ["::1", undefined, undefined],
    ["127.0.0.1", "forged, 198.51.100.7", "198.51.100.7"],
    ["::ffff:127.0.0.1", ["forged", "2001:db8::7"], "2001:db8:0:0"],
    ["127.0.0.1", "x".repeat(65), undefined],
    ["127.0.0.1", "", undefined],
  ])("of a connection from %s that was forwarded for %j is %s", (remote, forwarded, address) => {
    expect(addressOf(remote, forwarded)).toBe(address);
  });
});

describe("a visitor", () => {
  const mine = { channel: "mine", address: "192.0.2.1" };

  it("pays one token for a message and one for each KiB, of the conversation and of the address", () => {
    const limiter = new Limiter({ conversation: { perS: 1, burst: 3 }, address: { perS: 1, burst: 4 } }, clock);
    expect(limiter.take(mine, 2048)).toBeUndefined();
    expect(limiter.take(mine, 10)).toEqual({ seconds: 1, reason: "rate" });
    expect(limiter.take({ ...mine, channel: "second" }, 2048)).toEqual({ seconds: 2, reason: "address" });
    // what the address did not allow was given back to the conversation
    expect(limiter.take({ channel: "second", address: undefined }, 2048)).toBeUndefined();
    expect(limiter.take({ channel: "foreign", address: "198.51.100.7" }, 2048)).toBeUndefined();
  });

  it("has a number of bytes a day, of the address: half of them at once and half evenly", () => {
    const limiter = new Limiter({ dailyBytes: 4096 }, clock);
    expect(limiter.take(mine, 2000)).toBeUndefined();
    expect(limiter.take({ ...mine, channel: "second" }, 100)).toEqual({ seconds: 2194, reason: "address" });
    expect(limiter.take({ ...mine, address: undefined }, 16_384)).toBeUndefined();
    now = 2_194_000;
    expect(limiter.take(mine, 100)).toBeUndefined();
    let bytes = 2100;
    for (now = 3_000_000; now <= 86_400_000; now += 10_000) if (limiter.take(mine, 64) === undefined) bytes += 64;
    expect(bytes).toBeGreaterThan(4000);
    expect(bytes).toBeLessThanOrEqual(4096);
  });

  it("has a number of messages without an answer, of all conversations of the address", () => {
    const limiter = new Limiter({ unansweredPerAddress: 2 }, clock);
    for (const id of ["1", "2", "2"]) limiter.opened(id, mine);
    expect(limiter.take({ ...mine, channel: "second" }, 1)).toEqual({ seconds: 5, reason: "address" });
    expect(limiter.take({ channel: "foreign", address: "198.51.100.7" }, 1)).toBeUndefined();
    for (const id of ["2", "2", "unknown"]) limiter.answered(id);
    expect(limiter.take(mine, 1)).toBeUndefined();
    limiter.opened("3", mine);
    now = 600_001;
    limiter.tidy();
    expect(limiter.take(mine, 1)).toBeUndefined();
  });

  it("has a number of sockets, of the address and of all", () => {
    const limiter = new Limiter({ sockets: 3, socketsPerAddress: 1 }, clock);
    expect([limiter.entered("a", 1), limiter.entered("a", 2), limiter.entered(undefined, 3), limiter.entered("b", 4)]).toEqual([
      ...[true, false, true, false],
    ]);
    limiter.left("a");
    limiter.left(undefined);
    expect(limiter.entered("a", 1)).toBe(true);
  });
});
