/** The registry's writes, on the real Lua scripts in a real Redis and on the simulation's registry: both have to give the same answers. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LeaseAnswer } from "../../machines/index.ts";
import { registryKeys } from "../../src/registry/keys.ts";
import { Registration } from "../../src/registry/registration.ts";
import { hourMs, hoursOf } from "../kit/hours.ts";
import type { RegistryBackend } from "../kit/registry-backends.ts";
import { startRealBackend, startSimulatedBackend } from "../kit/registry-backends.ts";
import { Random } from "../simulation/random.ts";

const service = "conformance";
const leaseTtlMs = 2 * hourMs;
const keys = registryKeys({ isCluster: false });
const signal = new AbortController().signal;
const myId = "8888";

const backends = { "a real Redis": startRealBackend, "the simulation": startSimulatedBackend };

const registrationOf = (backend: RegistryBackend, instance: string, boot = myId, ttlMs = leaseTtlMs): Registration =>
  new Registration({
    redis: backend.connect(),
    service,
    instance,
    boot,
    leaseTtlMs: ttlMs,
    describe: () => ({ host: "here", pid: 1, version: "3", uptimeMs: 0, health: null, metadata: {} }),
  });

const entryText = (incarnation: number | string, boot: string, rest = ',"host":"there","pid":7}'): string =>
  `{"incarnation":${incarnation},"boot":"${boot}"${rest}`;

/** Which boot may have the entry or have left a tombstone, and its rank: newer than the boot under test is above 0, undefined is none. */
interface OtherBoot {
  readonly rank: number | undefined;
  /** its number and id */
  boot(mine: number): readonly [number | string, string] | undefined;
}

const others = {
  none: { rank: undefined, boot: () => undefined },
  "the same boot": { rank: 0, boot: (mine: number) => [mine, myId] },
  "an older boot": { rank: -1, boot: (mine: number) => [mine - 1, "ffff"] },
  "a newer boot": { rank: 1, boot: (mine: number) => [mine + 1, "0000"] },
  "a boot of the same number and a smaller id": { rank: -1, boot: (mine: number) => [mine, "7777"] },
  "a boot of the same number and a greater id": { rank: 1, boot: (mine: number) => [mine, "9999"] },
  "no valid number": { rank: undefined, boot: () => ["9007199254740993", "ffff"] },
} satisfies Record<string, OtherBoot>;
type Other = keyof typeof others;

const writes = {
  register: (mine: Registration) => mine.register({ status: "running", changed: true }, { signal }),
  renew: (mine: Registration) => mine.renew({ status: "running", changed: false }, { signal }),
  "renew with a new status": (mine: Registration) => mine.renew({ status: "stopping", changed: true }, { signal }),
  deregister: async (mine: Registration) => {
    await mine.deregister({ signal });
    return { type: "confirmed" } as const;
  },
};
type Write = keyof typeof writes;

/** The answer that the contract has for a write, from the ranks. */
const expected = (write: Write, held: number | undefined, gone: number | undefined): string => {
  if (write === "deregister") return "confirmed";
  if (write === "register" && gone !== undefined && gone >= 0) return "refused";
  if (held !== undefined && held > 0) return "superseded";
  return write === "register" || held === 0 ? "ok" : "gone";
};

const answerOf = async (backend: RegistryBackend, work: Promise<LeaseAnswer | { type: "confirmed" }>): Promise<string> => {
  try {
    return (await backend.settled(work)).type;
  } catch (error) {
    return (error as { code?: string }).code === "SG_ERR_REGISTRY" ? "refused" : String(error);
  }
};

const holderIn = (text: string | null): string | undefined => /^\{"incarnation":\d+,"boot":"(\w+)"/.exec(text ?? "")?.[1];

const cases = (Object.keys(writes) as Write[]).flatMap((write) =>
  (Object.keys(others) as Other[]).flatMap((held) => (Object.keys(others) as Other[]).map((gone) => ({ write, held, gone }))),
);

describe.each(Object.entries(backends))("the registry's writes on %s", (_name, start) => {
  let backend: RegistryBackend;
  let arrivals = 0;

  beforeAll(async () => {
    backend = await start();
  });
  afterAll(() => backend.close());

  /** A boot that has drawn its number, of an instance of its own. */
  const arrive = async (boot = myId, ttlMs = leaseTtlMs) => {
    const instance = `case-${arrivals++}`;
    const mine = registrationOf(backend, instance, boot, ttlMs);
    const entry = keys.service(service, instance);
    const released = keys.released(service, instance);
    await backend.settled(mine.register({ status: "starting", changed: true }, { signal }));
    return { mine, entry, released, instance };
  };

  it.each(Object.keys(writes) as Write[])(
    "%s: answer, entry and tombstone follow from the boots that had them",
    async (write) => {
      for (const { held, gone } of cases.filter((one) => one.write === write)) {
        const { mine, entry, released } = await arrive();
        const number = mine.incarnation!;
        const heldBoot: ReturnType<OtherBoot["boot"]> = others[held].boot(number);
        const goneBoot: ReturnType<OtherBoot["boot"]> = others[gone].boot(number);
        await backend.put(entry, heldBoot ? entryText(heldBoot[0], heldBoot[1]) : "", heldBoot ? hourMs : 1);
        if (!heldBoot) await backend.expired(entry);
        if (goneBoot) await backend.put(released, goneBoot.join(" "), hourMs);
        const answer = await answerOf(backend, writes[write](mine));
        const [heldRank, goneRank] = [others[held].rank, others[gone].rank];
        const what = `${write}, entry of ${held}, tombstone of ${gone}`;
        expect(`${what}: ${answer}`).toBe(`${what}: ${expected(write, heldRank, goneRank)}`);
        const isMine = answer === "ok";
        const isDeleted = write === "deregister" && heldRank === 0;
        const holder = isMine ? myId : isDeleted ? undefined : heldBoot?.[1];
        expect(`${what}: ${holderIn(await backend.get(entry))}`).toBe(`${what}: ${holder}`);
        if (isMine) expect(hoursOf(await backend.ttlMs(entry))).toBe(2);
        const leavesTombstone = write === "deregister" && !(goneRank !== undefined && goneRank > 0);
        expect(`${what}: ${await backend.get(released)}`).toBe(
          `${what}: ${leavesTombstone ? `${number} ${myId}` : (goneBoot?.join(" ") ?? null)}`,
        );
        if (write === "deregister") expect(await backend.ttlMs(released)).not.toBe(-1);
      }
    },
  );

  it("a superseded boot gets host and pid of the newer one, and unknown where the entry has none", async () => {
    const { mine, entry } = await arrive();
    await backend.put(entry, entryText(mine.incarnation! + 1, "aaaa"), hourMs);
    const named = await backend.settled(writes.renew(mine));
    expect(named).toEqual({ type: "superseded", twin: { host: "there", pid: 7 } });
    for (const rest of [',"broken', "}", ',"host":null}']) {
      await backend.put(entry, entryText(mine.incarnation! + 1, "aaaa", rest), hourMs);
      const answer = await backend.settled(writes.renew(mine));
      expect(answer).toMatchObject({ type: "superseded", twin: { pid: 0 } });
    }
  });

  it("a beat prolongs the entry without rewriting it, and a new status rewrites it", async () => {
    const { mine, entry } = await arrive();
    const text = await backend.get(entry);
    await backend.put(entry, text!, hourMs);
    expect(await answerOf(backend, writes.renew(mine))).toBe("ok");
    expect(await backend.get(entry)).toBe(text);
    expect(hoursOf(await backend.ttlMs(entry))).toBe(2);
    expect(await answerOf(backend, writes["renew with a new status"](mine))).toBe("ok");
    expect(JSON.parse((await backend.get(entry))!)).toMatchObject({ status: "stopping", incarnation: mine.incarnation });
  });

  it("a text that is no entry is overwritten by register, gone for renew, and left alone by deregister", async () => {
    for (const text of ["hello", "", '{"boot":"ffff","incarnation":1}', '{"incarnation":-1,"boot":"ffff"}']) {
      const { mine, entry } = await arrive();
      await backend.put(entry, text, hourMs);
      expect(await answerOf(backend, writes.renew(mine))).toBe("gone");
      expect(await answerOf(backend, writes.deregister(mine))).toBe("confirmed");
      expect(await backend.get(entry)).toBe(text);
    }
  });

  it("a boot draws a number above those of entry and tombstone, also when they lie in the future", async () => {
    const future = 8_000_000_000_000_000;
    const { mine: first, instance, entry, released } = await arrive();
    await backend.put(entry, entryText(future, "aaaa"), hourMs);
    const second = registrationOf(backend, instance, "bbbb");
    expect((await backend.settled(second.register({ status: "starting", changed: true }, { signal }))).type).toBe("ok");
    expect(second.incarnation).toBe(future + 1);
    expect(await answerOf(backend, writes.renew(first))).toBe("superseded");
    await backend.put(released, `${future + 10} aaaa`, hourMs);
    const third = registrationOf(backend, instance, "cccc");
    await backend.settled(third.register({ status: "starting", changed: true }, { signal }));
    expect(third.incarnation).toBe(future + 11);
  });

  it("an entry expires, and its boot writes it again", async () => {
    const { mine, entry } = await arrive(myId, 30);
    await backend.expired(entry);
    expect(await answerOf(backend, writes.renew(mine))).toBe("gone");
    expect(await answerOf(backend, writes.register(mine))).toBe("ok");
  });

  it("a full memory refuses a new entry only: beats, a new status and the delete with its tombstone are accepted", async () => {
    const { mine, entry, released, instance } = await arrive();
    const other = registrationOf(backend, instance, "0000");
    const third = await arrive();
    const stranger = await arrive();
    await backend.put(stranger.entry, entryText(stranger.mine.incarnation! + 1, "aaaa"), hourMs);
    await backend.fill(true);
    try {
      expect(await answerOf(backend, writes.renew(mine))).toBe("ok");
      expect(await answerOf(backend, writes["renew with a new status"](mine))).toBe("ok");
      expect(JSON.parse((await backend.get(entry))!)).toMatchObject({ status: "stopping" });
      expect(await answerOf(backend, writes.register(other))).toBe("refused");
      for (const { mine: boot, ...keysOf } of [{ mine, entry, released }, third]) {
        expect(await answerOf(backend, writes.deregister(boot))).toBe("confirmed");
        expect(await backend.get(keysOf.entry)).toBeNull();
        expect(await backend.get(keysOf.released)).toBe(`${boot.incarnation} ${myId}`);
      }
      expect(await answerOf(backend, writes.deregister(stranger.mine))).toBe("confirmed");
      expect(holderIn(await backend.get(stranger.entry))).toBe("aaaa");
      expect(await backend.get(stranger.released)).toBe(`${stranger.mine.incarnation} ${myId}`);
    } finally {
      await backend.fill(false);
    }
  });

  it("a write sends its script again to a server that has forgotten it", async () => {
    const { mine } = await arrive();
    await backend.forgetScripts();
    expect(await answerOf(backend, writes.renew(mine))).toBe("ok");
    await backend.forgetScripts();
    expect(await answerOf(backend, writes.deregister(mine))).toBe("confirmed");
  });
});

describe("both together", () => {
  /** Three boots of one instance that write at random; an entry that is lost now and then. */
  const walk = async (backend: RegistryBackend, seed: number): Promise<string[]> => {
    const random = new Random(seed);
    const instance = `walk-${seed}`;
    const ids = ["aaaa", "bbbb", "cccc"];
    const boots = ids.map((id) => registrationOf(backend, instance, id));
    const entry = keys.service(service, instance);
    const lines: string[] = [];
    for (let step = 0; step < 40; step += 1) {
      const at = random.below(3);
      const write = random.pick(["register", "register", "renew", "renew", "renew with a new status", "deregister"] as const);
      if (random.chance(0.05)) {
        await backend.put(entry, "", 1);
        await backend.expired(entry);
      }
      if (random.chance(0.05)) await backend.put(keys.released(service, instance), "0 0000", hourMs);
      const answer = await answerOf(backend, writes[write](boots[at]!));
      lines.push(`${ids[at]} ${write}: ${answer}, then ${holderIn(await backend.get(entry))}`);
    }
    return lines;
  };

  it("answer two thousand random writes alike and leave the same entries", async () => {
    const [real, simulated] = await Promise.all([startRealBackend(), startSimulatedBackend()]);
    try {
      for (let seed = 0; seed < 50; seed += 1) expect(await walk(simulated, seed)).toEqual(await walk(real, seed));
    } finally {
      await real.close();
    }
  });
});
