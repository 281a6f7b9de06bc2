/** Why a server cannot listen, by the code of the system. */
import { messageOf } from "../errors.ts";

export interface PortProblem {
  /** "needs privileges": what is so of the port or of the host */
  readonly clause: string;
  /** which of the two has to be another one; undefined where it is not known */
  readonly wrong: "port" | "host" | undefined;
}

const port = (clause: string): PortProblem => ({ clause, wrong: "port" });
const host = (clause: string): PortProblem => ({ clause, wrong: "host" });

const problems: Readonly<Record<string, PortProblem>> = {
  EADDRINUSE: port("it is taken"),
  EACCES: port("the port needs privileges"),
  EADDRNOTAVAIL: host("it is no address of this machine"),
  EAFNOSUPPORT: host("this machine has no addresses of that kind"),
  ENOTFOUND: host("the name is not known"),
  EAI_AGAIN: host("the name is not resolved"),
};

const linkLocal = /^fe[89ab][\da-f]:/i;

export const portProblem = (error: NodeJS.ErrnoException, name: string): PortProblem => {
  // the system has no better word for it
  if (error.code === "EINVAL" && linkLocal.test(name))
    return host("a link-local address needs an interface of this machine, as in fe80::1%eth0");
  return problems[error.code ?? ""] ?? { clause: messageOf(error), wrong: undefined };
};
