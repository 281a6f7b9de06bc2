/** Standard output as a pipe whose reader may close it: `stargazer fleet | head -1`, `stargazer up | tee log`. */
import { exit } from "../process.ts";

type Lost = (error: NodeJS.ErrnoException) => void;

/** A reader that closed the pipe is no failure. */
let lost: Lost = ({ code }) => exit(code === "EPIPE" ? 0 : 1);

/** Call it once. A command that has nothing to undo exits when its reader closes the pipe. */
export const watchOutput = (): void => {
  process.stdout.on("error", (error) => lost(error));
  process.stderr.on("error", () => {});
};

/** From this call to the end of the process a failed write is dropped and calls `handler` instead of exiting. */
export const onOutputLost = (handler: Lost): void => {
  lost = handler;
};
