/** Standard output as a pipe whose reader may leave: `stargazer fleet | head -1`, `stargazer up | tee log`. */
import { exit } from "../process.ts";

type Lost = (error: NodeJS.ErrnoException) => void;

/** A reader that has left is no failure. */
let lost: Lost = ({ code }) => exit(code === "EPIPE" ? 0 : 1);

/** Call it once. A command that has nothing to leave in order ends when its reader does. */
export const watchOutput = (): void => {
  process.stdout.on("error", (error) => lost(error));
  process.stderr.on("error", () => {});
};

/** From now on, and to the end of the process, a write that fails is dropped, and `handler` is called instead of an exit. */
export const onOutputLost = (handler: Lost): void => {
  lost = handler;
};
