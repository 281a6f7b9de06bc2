/** Why a server cannot listen: the words for it, and which ports are tried after a refusal. */
import { expect, it } from "vitest";
import { refusal } from "../../src/health/listen.ts";
import { portProblem } from "../../src/http/port-problem.ts";
import { listenFrom } from "../../src/http/steps.ts";

const refused = (code: string): NodeJS.ErrnoException => Object.assign(new Error(`listen ${code}: of the system`), { code });

it.each([
  ["EACCES", "127.0.0.1", "the port needs privileges", "SG_HEALTH_PORT"],
  ["EADDRNOTAVAIL", "192.0.2.1", "it is no address of this machine", "SG_HEALTH_HOST"],
  ["EAFNOSUPPORT", "::1", "this machine has no addresses of that kind", "SG_HEALTH_HOST"],
  ["EINVAL", "fe80::1", "a link-local address needs an interface", "SG_HEALTH_HOST"],
  ["ENOTFOUND", "no.such.name", "the name is not known", "SG_HEALTH_HOST"],
  ["EINVAL", "127.0.0.1", "listen EINVAL: of the system", "useHealthServer: false"],
])("F42: a port refused with %s on %s is named in words, with the variable that is wrong", (code, host, clause, variable) => {
  expect(portProblem(refused(code), host).clause).toContain(clause);
  expect(refusal(refused(code), { host, port: 80 }).message).toContain(`: ${portProblem(refused(code), host).clause}. `);
  expect(refusal(refused(code), { host, port: 80 }).message.split(clause)[1]).toContain(variable);
});

it("F42: a port that needs privileges is refused as it was named, and the ones after it are not tried", async () => {
  const tried: number[] = [];
  const listen = (port: number) => {
    tried.push(port);
    return Promise.reject(Object.assign(new Error(`port ${port}`), { cause: refused("EACCES") }));
  };
  await expect(listenFrom({ port: 80, steps: 200 }, listen)).rejects.toThrow("port 80");
  expect(tried).toEqual([80]);
});
