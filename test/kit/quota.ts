/** A share of one processor for a process that a test has started: a cgroup with a quota, where this user may make one. */
import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "./wait.ts";

export interface Quota {
  /** From here on the process gets its share only. */
  take(pid: number): void;
  /** Resolves once all processes in it have ended and it is removed. */
  remove(): Promise<unknown>;
}

/** 10 ms in each 100 ms, in the files of either version of cgroups. */
const tenth = [
  { parent: "/sys/fs/cgroup/cpu", file: "cpu.cfs_quota_us", text: "10000" },
  { parent: "/sys/fs/cgroup", file: "cpu.max", text: "10000 100000" },
];

/** A tenth of a core; undefined where cgroups cannot be made. Two that one test has at once have two names. */
export const openQuota = (name = ""): Quota | undefined => {
  for (const { parent, file, text } of tenth) {
    const group = join(parent, `stargazer-test-${process.pid}${name}`);
    try {
      mkdirSync(group);
    } catch {
      continue;
    }
    try {
      writeFileSync(join(group, file), text, { flag: "r+" });
      return {
        take: (pid) => writeFileSync(join(group, "cgroup.procs"), String(pid)),
        remove: () =>
          eventually("the group is empty", () => {
            rmdirSync(group);
            return true;
          }),
      };
    } catch {
      rmdirSync(group);
    }
  }
  return undefined;
};
