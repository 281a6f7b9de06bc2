/** `why`: one sentence on each instance of a service: whether it is ready, and if not, why. */
import { withRedis } from "../fleet/connect.ts";
import { explain } from "../instances/explain.ts";
import { glance } from "../instances/glance.ts";
import type { Command } from "./command.ts";
import { jsonDetail, jsonOption, refuse } from "./command.ts";
import { findPlace, placeDetails, placeOptions, placeSynopsis } from "./place.ts";
import { print, printError, printJson } from "./print.ts";
import { journalMissing, plainRow, rowsMeant } from "./rows.ts";

const readTimeoutMs = 10_000;

export const why: Command = {
  name: "why",
  summary: "says in one sentence whether an instance is ready, and if not, why",
  synopsis: `<service>[/<instance>] [--json] ${placeSynopsis}`,
  details: [
    ["instance", "its name or a beginning of it; without it each instance that lives or has failed in the last 10 minutes"],
    jsonDetail,
    ...placeDetails,
    "Exits with 0 where all of them are ready, with 1 where one is not or its service is not known, with 2 for wrong usage.",
  ],
  options: { ...jsonOption, ...placeOptions },
  async run(args) {
    const [target = "", ...more] = args.positionals;
    const [service = "", instance = ""] = target.split("/");
    if (service === "" || more.length > 0) args.problems.push("name one service, or service/instance");
    refuse(args, why);
    const place = await findPlace(args, why);
    const onSkipped = (key: string) => printError(`skipped ${key}: its value is not a registry entry`);
    const signal = AbortSignal.timeout(readTimeoutMs);
    const { model, now, withoutJournal } = await withRedis(place, (redis) => glance(redis, { signal, onSkipped }));
    if (withoutJournal !== "") printError(journalMissing(withoutJournal));
    const rows = rowsMeant(model.rows(), { service, instance }, now, place.label);
    if (args.has("json")) {
      printJson(
        rows.map((row) => plainRow(row, now)),
        2,
      );
    } else print(rows.map((row) => `${rows.length === 1 ? "" : `${row.service}/${row.instance}: `}${explain(row, now)}`));
    return rows.every(({ ready }) => ready === true) ? 0 : 1;
  },
};
