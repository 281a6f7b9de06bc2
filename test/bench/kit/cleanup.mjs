/** Everything the bench starts is registered here and ended by its pid, however the bench ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const children = new Set();

/** Gone when the bench ends. */
export const scratch = mkdtempSync(join(tmpdir(), "stargazer-bench-"));

export const track = (child) => {
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
};

export const kill = (child) => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGCONT");
  child.kill("SIGKILL");
};

process.on("exit", () => {
  for (const child of children) kill(child);
  rmSync(scratch, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));
