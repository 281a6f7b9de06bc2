/** What the plan of a fleet leaves where it comes too late. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { oneOfEach } from "../../src/fleet/counts.ts";
import { fleetFolder } from "../../src/fleet/folder.ts";
import { planFleet } from "../../src/fleet/plan.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "sg-plan-"));
  vi.stubEnv("TMPDIR", home);
  vi.stubEnv("XDG_RUNTIME_DIR", "/dev/null/none");
  vi.stubEnv("REDIS_URL", "");
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});
const request = { counts: oneOfEach(), redis: undefined };

it("a plan has a folder, and none is left of one that is finished after its deadline", async () => {
  const { folder } = await planFleet(request, { signal: new AbortController().signal });
  expect(readdirSync(fleetFolder())).toHaveLength(1);
  await folder!.remove({ keepLogs: false });
  await planFleet(request, { signal: AbortSignal.abort() });
  expect(readdirSync(fleetFolder())).toEqual([]);
});

it.each([
  ["", undefined],
  ["512mb", undefined],
  ["2GB", undefined],
  ["0", undefined],
  ["15mb", "SG_REDIS_MAXMEMORY must be a size of at least 16mb"],
  ["much", "SG_REDIS_MAXMEMORY must be a size of at least 16mb"],
  ["1gb\nrequirepass x", "SG_REDIS_MAXMEMORY must be a size of at least 16mb"],
])("SG_REDIS_MAXMEMORY=%j is read before anything is started", async (value, problem) => {
  vi.stubEnv("SG_REDIS_MAXMEMORY", value);
  const planned = planFleet(request, { signal: AbortSignal.abort() });
  if (problem === undefined) await planned;
  else await expect(planned).rejects.toThrow(problem);
});
