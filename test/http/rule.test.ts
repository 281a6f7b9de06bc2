/** The rule of one server, for a prober that sends the same request again. */
import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { ruleOf } from "../../src/http/rule.cjs";

const served = { host: "127.0.0.1", allowedHosts: ["probes.example"] };

const requestOf = (headers: Readonly<Record<string, string>>, { method = "GET", url = "/readyz" } = {}): IncomingMessage =>
  ({ method, url, headers, rawHeaders: Object.entries(headers).flat() }) as unknown as IncomingMessage;

const own = requestOf({ host: "127.0.0.1:3000" });
const foreign = requestOf({ host: "attacker.example" });

describe("the rule of one server", () => {
  test("a request that is repeated has the same verdict, allowed or refused", () => {
    const rule = ruleOf(served);
    expect([own, own, foreign, foreign, own].map((request) => rule(request)?.status)).toEqual([
      undefined,
      undefined,
      421,
      421,
      undefined,
    ]);
  });

  test.each<[what: string, request: IncomingMessage, status: number]>([
    ["host", foreign, 421],
    ["authority in its target", requestOf({ host: "127.0.0.1:3000" }, { url: "http://attacker.example/readyz" }), 421],
    ["header more", requestOf({ host: "127.0.0.1:3000", "sec-fetch-site": "cross-site" }), 403],
    [
      "host header more",
      { ...own, headers: foreign.headers, rawHeaders: [...own.rawHeaders, "host", "attacker.example"] } as never,
      421,
    ],
  ])("a request that differs from the one before by one %s is judged by itself", (_what, request, status) => {
    const rule = ruleOf(served);
    expect(rule(own)).toBeUndefined();
    expect(rule(request)?.status).toBe(status);
  });

  test("a navigation that was allowed as GET is refused as POST", () => {
    const headers = {
      host: "probes.example",
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    };
    const rule = ruleOf(served);
    expect(rule(requestOf(headers))).toBeUndefined();
    expect(rule(requestOf(headers, { method: "POST" }))?.status).toBe(403);
  });

  test("the headers of a request that is as the one before are not parsed", () => {
    const rule = ruleOf(served);
    rule(own);
    const unparsed = {
      ...own,
      get headers(): never {
        throw new Error("parsed");
      },
    } as unknown as IncomingMessage;
    expect(rule(unparsed)).toBeUndefined();
  });
});
