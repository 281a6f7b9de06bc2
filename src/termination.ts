/** Writes the reason of a failure to the file that Kubernetes shows as the container's termination message. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cleanLine } from "./clean.ts";
import { fromEnvironment } from "./environment.ts";

/** The kubelet creates this file in each container. */
const terminationLog = (): string => fromEnvironment("SG_TERMINATION_LOG") ?? "/dev/termination-log";
/** bytes that the kubelet reads of it */
const terminationBytes = 4096;

/** Writes why a service has failed to the file that Kubernetes shows; the first cause stays. Without such a file nothing is written. Never throws. */
export const writeTermination = (cause: string): void => {
  const file = terminationLog();
  try {
    if (existsSync(file) && readFileSync(file).length === 0)
      writeFileSync(file, Buffer.from(cleanLine(cause)).subarray(0, terminationBytes));
  } catch {
    // the file may not be writable
  }
};
