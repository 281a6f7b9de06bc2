/** A part of a processor, as a pod has it: a control group with a quota for each 100 ms. */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const periodUs = 100_000;
const roots = { one: "/sys/fs/cgroup/cpu", two: "/sys/fs/cgroup" };
let groups = 0;

const limits = {
  one: (folder, quotaUs) => {
    writeFileSync(join(folder, "cpu.cfs_period_us"), String(periodUs));
    writeFileSync(join(folder, "cpu.cfs_quota_us"), String(quotaUs));
  },
  two: (folder, quotaUs) => writeFileSync(join(folder, "cpu.max"), `${quotaUs} ${periodUs}`),
};

const leave = (folder) => {
  try {
    rmdirSync(folder);
  } catch {
    // never made, or a process of it has yet to go
  }
};

/** Its programs together have `cores` of a processor. Throws, with the reason, where quotas cannot be set. */
export const openQuota = (cores) => {
  const version = existsSync(join(roots.one, "cpu.cfs_quota_us")) ? "one" : "two";
  groups += 1;
  const folder = join(roots[version], `stargazer-bench-${process.pid}-${groups}`);
  process.on("exit", () => leave(folder));
  mkdirSync(folder);
  limits[version](folder, Math.round(cores * periodUs));
  const enter = `echo $$ > '${join(folder, "cgroup.procs")}' && exec "$@"`;
  return { around: (command) => ["/bin/sh", "-c", enter, "sh", ...command], close: () => leave(folder) };
};
