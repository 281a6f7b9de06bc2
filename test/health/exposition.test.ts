/** A service's own metrics line by line: what Prometheus refuses is left out, since one such line would make it refuse the scrape. */
import { describe, expect, it } from "vitest";
import type { HealthFact } from "../../machines/health-port.machine.ts";
import { OwnMetrics } from "../../src/health/own-metrics.ts";

const facts: HealthFact[] = [];
const servedOf = async (text: string): Promise<string> => {
  facts.length = 0;
  const source = { metrics: () => text };
  const onFact = (fact: HealthFact) => facts.push(fact);
  return await new OwnMetrics({ source, tier: undefined, isReserved: () => false, timeoutMs: 60_000, onFact }).text();
};

describe("a line that Prometheus takes", () => {
  it.each([
    "a 1",
    "a:b 1.5",
    "a{} NaN",
    'a{x="1",} +Inf',
    'a{x="}" , y="a\\n\\"\\\\"} -inf',
    "a 1e5 1395066363000",
    "a .5 -5",
    "# TYPE a untyped",
    "# HELP a a\\n\\\\b",
    "# HELP a",
  ])("%j is served", async (line) => {
    expect(await servedOf(`${line}\n`)).toBe(`${line}\n`);
    expect(facts).toEqual([]);
  });

  it("is served without the blanks and the carriage return at its end, and without the mark of OpenMetrics", async () => {
    expect(await servedOf("# TYPE a gauge\r\na 1 \t\r\n\r\n# a comment\n# EOF\n")).toBe("# TYPE a gauge\na 1\n");
    expect(facts).toEqual([]);
  });
});

describe("a line that Prometheus refuses", () => {
  it.each([
    ["a value in hexadecimal", "a 0x1"],
    ["a value with a separator", "a 1_000"],
    ["an exponent without a figure", "a 1e"],
    ["a time with a fraction", "a 1 1.5"],
    ["no value", "a "],
    ["no blank before its value", 'a{x="1"}7 8'],
    ["a name that is none", "1a 1"],
    ["a label without quotes", "a{x=1} 1"],
    ["a label twice", 'a{x="1",x="2"} 1'],
    ["a label of Prometheus' own", 'a{__name__="b"} 1'],
    ["an escape that is none", 'a{x="\\q"} 1'],
    ["labels without an end", 'a{x="1" 1'],
    ["a name in quotes", '{"a.b"} 1'],
    ["a type that is none", "# TYPE a exponential"],
    ["no type", "# TYPE a"],
    ["a help with an escape that is none", "# HELP a \\q"],
  ])("with %s is left out alone, and a fact has it", async (_, line) => {
    expect(await servedOf(`b 1\n${line}\nc 2\n`)).toBe("b 1\nc 2\n");
    expect(facts).toEqual([{ type: "metrics.failed", reason: "1 lines were left out: duplicate series, or invalid lines" }]);
  });

  it.each([
    ["its labels in another order", 'a{x="1",y="2"} 1', 'a{ y = "2", x="1" } 2'],
    ["another type of its metric", "# TYPE a gauge", "# TYPE a counter"],
    ["another help of its metric", "# HELP a one", "# HELP a two"],
    ["a type behind a sample", "a 1", "# TYPE a gauge"],
    ["a type behind a sample of its histogram", 'h_bucket{le="1"} 1', "# TYPE h histogram"],
  ])("because of the line before it, with %s, is left out alone", async (_, kept, line) => {
    expect(await servedOf(`${kept}\n${line}\nc 2\n`)).toBe(`${kept}\nc 2\n`);
    expect(facts).toMatchObject([{ type: "metrics.failed" }]);
  });
});
