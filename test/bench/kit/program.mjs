/** A measuring program in a process of its own: prints one line of JSON. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const programs = fileURLToPath(new URL("../programs/", import.meta.url));

/** With room for many sockets, where the system allows it, and `own` over the environment. */
export const runProgram = async (name, args = [], own = {}) => {
  const command = 'ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)"; exec "$@"';
  const words = ["-c", command, "sh", process.execPath, "--expose-gc", `${programs}${name}`, ...args.map(String)];
  const { stdout } = await promisify(execFile)("/bin/sh", words, {
    maxBuffer: 1 << 26,
    env: { ...process.env, NODE_ENV: "production", ...own },
  });
  return JSON.parse(stdout.trim().split("\n").at(-1));
};
