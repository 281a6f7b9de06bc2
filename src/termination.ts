/** What Kubernetes shows as the reason of a container's end. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cleanLine } from "./clean.ts";
import { fromEnvironment } from "./environment.ts";

/** Kubernetes makes this file, and shows what is in it as the reason of a container's end. */
const terminationLog = (): string => fromEnvironment("SG_TERMINATION_LOG") ?? "/dev/termination-log";
/** what the kubelet reads of it, in bytes */
const terminationBytes = 4096;

/** Writes why a service has failed to the file that Kubernetes shows; the first cause stays. Without such a file nothing is written. Never throws. */
export const writeTermination = (cause: string): void => {
  const file = terminationLog();
  try {
    if (existsSync(file) && readFileSync(file).length === 0)
      writeFileSync(file, Buffer.from(cleanLine(cause)).subarray(0, terminationBytes));
  } catch {
    // it may not be ours to write
  }
};
