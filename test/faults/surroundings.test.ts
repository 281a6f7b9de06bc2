/** F59 and on: what other code in the same process, or around it, does to a service. */
import { expect } from "vitest";
import { fault } from "../kit/fault.ts";
import { ask } from "../kit/http-client.ts";
import { hooksOf, reportOf, Stage } from "../kit/narrator.ts";

const stage = new Stage();

const names = ["shutdown", "status", "state", "boot", "waitFor", "onFact", "flight", "saveFlight"];
for (const name of [...names, "serviceName", "instanceId", "actor"])
  fault("F59", `'${name}' is the tier's own`, async (happened) => {
    const program = stage.service({ ownNames: [name] });
    const { health } = await stage.entryOf(program);
    expect((await ask(health!.port, "/status")).data.state).toBe("running");
    program.signal("SIGTERM");
    await stage.endsWell(program, 0);
    expect(reportOf(program)).toMatchObject({ outcome: "shutdown", reason: "SIGTERM" });
    expect(program.lines.some(({ type }) => type === "contained")).toBe(false);
    happened("/status is the service's, SIGTERM stopped it, exit 0");
  });

for (const [place, hooks] of [
  ["running", ["onStart", "run"]],
  ["stopping.unwinding", ["onStart", "run", "onStop"]],
] as const)
  fault("F60", `in ${place}`, async (happened) => {
    const program = stage.service({ at: { [place]: ["exit"] } });
    if (place !== "running") {
      await stage.entryOf(program);
      program.signal("SIGTERM");
    }
    expect((await program.ended).code).toBe(1);
    expect(program.errors).toMatch(new RegExp(`: exiting at once, without waiting for fixture/\\S+ in ${place}\\n$`));
    expect(program.report).toBeUndefined();
    expect(hooks).toEqual(expect.arrayContaining(hooksOf(program)));
    expect(program.lines.some(({ type }) => type === "flight.written")).toBe(true);
    happened("exit 1 where process.exit(0) was called; a line names the service, the recording is written");
  });
