/** Debian's prometheus, where it is on the PATH. */
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";

/** Whether a program is there. One that is missing is named, so that a skipped test says why. */
export const hasProgram = (name: string): boolean => {
  const isThere = spawnSync(name, ["--version"]).status === 0;
  if (!isThere) process.stderr.write(`skipped: '${name}' is not on the PATH (Debian: apt install prometheus)\n`);
  return isThere;
};

/** What promtool writes; rejects with it where it finds a fault. */
export const promtool = async (...args: string[]): Promise<string> => {
  try {
    const { stdout, stderr } = await promisify(execFile)("promtool", args);
    return `${stdout}${stderr}`;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`promtool ${args.join(" ")}: ${stdout}${stderr}`);
  }
};
