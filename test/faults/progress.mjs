/** A reporter of vitest that writes each case to standard error as it ends. */
export default class Progress {
  onTestCaseResult(test) {
    const { state } = test.result();
    if (state === "skipped") return;
    const seconds = ((test.diagnostic()?.duration ?? 0) / 1000).toFixed(1);
    const [id] = /F\d+/.exec(test.fullName) ?? [""];
    const what = test.name.slice(test.name.lastIndexOf(": ") + 1).trim();
    process.stderr.write(`${state === "passed" ? "ok    " : "BROKEN"} ${id.padEnd(3)} ${seconds.padStart(5)} s  ${what}\n`);
  }
}
