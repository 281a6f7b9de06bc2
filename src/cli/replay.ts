/** `replay`: the recording of a service whose stop failed or that was killed: from the file that its log names, or from Redis. */
import { existsSync } from "node:fs";
import { readUpTo } from "../bounded-file.ts";
import { messageOf, StargazerError } from "../errors.ts";
import type { FlightRecording, Rerun, TestStyle, Tone } from "../flight/index.ts";
import { maxFlightBytes, parseFlight, rerun, storyOf, testStyles, testText } from "../flight/index.ts";
import type { InstanceName } from "../registry/entry.ts";
import { nameProblem } from "../registry/names.ts";
import { timelineTree } from "../timeline/index.ts";
import type { Arguments, Command } from "./command.ts";
import { jsonDetail, jsonOption, refuse, usageError } from "./command.ts";
import type { KeptFlight } from "./kept-flight.ts";
import { findPlace, placeDetails, placeOptions, placeSynopsis } from "./place.ts";
import { print, printJson, printText } from "./print.ts";
import { duration, paintFor } from "./terminal.ts";

const colours: Readonly<Record<Tone, Parameters<ReturnType<typeof paintFor>>[0]>> = { plain: "dim", state: "bold", bad: "red" };

const read = (path: string): FlightRecording => {
  const invalid = (what: string) => new StargazerError("SG_ERR_CONFIG_INVALID", `${path} ${what}`);
  if (!existsSync(path)) throw invalid("is not there. A failed stop names its file in the log.");
  let json: string | undefined;
  try {
    json = readUpTo(path, maxFlightBytes);
  } catch (cause) {
    throw invalid(`cannot be read: ${messageOf(cause)}`);
  }
  if (json === undefined) throw invalid(`is too long: a recording has at most ${maxFlightBytes} bytes`);
  return parseFlight(json, path);
};

const endLine = ({ recording: { path, end }, lives }: KeptFlight): string => {
  if (lives) return `it has not ended and is in ${path}: what has happened so far`;
  return end === null ? `no end is recorded: it was in ${path}` : `stopped: ${end.outcome} (${end.reason})`;
};

const head = (flight: KeptFlight): string[] => {
  const { service, instance, pid, writtenAt, end } = flight.recording;
  return [
    `${service}/${instance}, ${pid === 0 ? "" : `pid ${pid}, `}${new Date(writtenAt).toISOString()}`,
    endLine(flight),
    ...(end?.failures ?? []).map(({ phase, code, message }) => `  ${code} in ${phase}: ${message}`),
  ];
};

const rerunWords = (again: Rerun | undefined): string => {
  if (again === undefined) return "The recording has lost its beginning, so the chart cannot be driven with it.";
  return again.same
    ? "The chart of this version takes the same path."
    : `The chart of this version takes another path: '${again.event}' led to ${again.led} then, and leads to ${again.leads} now.`;
};

/** Which boot it is, and what others there are. */
const bootLines = ({ boots, shown }: KeptFlight): string[] => {
  if (boots.length < 2) return [];
  const lines = boots.map(({ startedAt, outcome, cause }, at) => {
    const end = outcome === "" ? "has not ended" : `${outcome}${cause === "" ? "" : `: ${cause}`}`;
    return `${at === shown ? "> " : "  "}boot ${at + 1}, ${new Date(startedAt).toISOString()}: ${end}`;
  });
  return ["", ...lines, "  --boot N shows another one"];
};

const show = (flight: KeptFlight): void => {
  const { recording, isRebuilt, lives } = flight;
  const paint = paintFor(process.stdout);
  const story = storyOf(recording, { lives }).map(({ atMs, text, tone }) => {
    const when = (atMs === undefined ? "" : `+${duration(atMs)}`).padStart(10);
    return `${paint("dim", when)}  ${paint(colours[tone], text)}`;
  });
  const phases = timelineTree(recording.phases, recording.uptimeMs);
  const last = isRebuilt
    ? "From the journal: what the events carried is not known, so the chart is not driven with them."
    : rerunWords(rerun(recording));
  const lines = [...head(flight), ...bootLines(flight), "", ...story, "", ...phases, "", last];
  print(lines);
};

const printTest = ({ recording, isRebuilt }: KeptFlight, style: TestStyle, file: string): void => {
  if (isRebuilt)
    throw new StargazerError(
      "SG_ERR_CONFIG_INVALID",
      `${file} has left no recording, and the journal does not have what a test needs`,
    );
  if (recording.dropped > 0) {
    const problem = `${file} has lost its first ${recording.dropped} entries, and a test needs the whole life`;
    throw new StargazerError("SG_ERR_CONFIG_INVALID", problem);
  }
  printText(testText(recording, style));
};

/** `orders/orders-1`, unless there is a file of that name. */
const instanceIn = (target: string): InstanceName | undefined => {
  const [service = "", instance = "", ...more] = target.split("/");
  const isName =
    more.length === 0 && nameProblem("service", service) === undefined && nameProblem("instance", instance) === undefined;
  return isName && !existsSync(target) ? { service, instance } : undefined;
};

const readKept = async (name: InstanceName, args: Arguments): Promise<KeptFlight> => {
  const place = await findPlace(args, replay);
  const [{ withRedis }, { findFlight }] = await Promise.all([import("../fleet/connect.ts"), import("./kept-flight.ts")]);
  return withRedis(place, (redis) => findFlight(redis, name, bootIn(args)));
};

/** The number of a boot, 1 for the newest; undefined where none is given. */
const bootIn = ({ text }: Arguments): number | undefined => {
  const given = text("boot");
  return given === undefined ? undefined : Number(given);
};

const problemsOf = ({ positionals, text, has }: Arguments): string[] => {
  const style = text("test");
  return [
    ...(positionals.length === 1 ? [] : ["name one file, or service/instance"]),
    ...(style === undefined || (testStyles as readonly string[]).includes(style)
      ? []
      : [`unknown test style ${JSON.stringify(style)}: use ${testStyles.join(" or ")}`]),
    ...(/^[1-9]\d?$/.test(text("boot") ?? "1") ? [] : ["--boot is a number: 1 for the newest boot, 2 for the one before it"]),
    ...(style !== undefined && has("json") ? ["--json and --test exclude each other"] : []),
  ];
};

export const replay: Command = {
  name: "replay",
  summary: "shows what a service did before its stop failed or it was killed, or turns that into a test",
  synopsis: `FILE|SERVICE/INSTANCE [--boot N] [--json] [--test node|vitest] ${placeSynopsis}`,
  details: [
    [
      "FILE",
      "named by the log of a service that failed; in SG_FLIGHT_DIR, else in stargazer-flights-UID below the folder for temporary files",
    ],
    [
      "SERVICE/INSTANCE",
      "its newest boot that failed or was killed, else its newest: the recording that Redis keeps for 7 days, or what the journal has (INSTANCE: its name or a beginning of it)",
    ],
    ["--boot N", "another boot of it: 1 for the newest, 2 for the one before it"],
    ["--test STYLE", "the text of a test that drives the chart the same way, for node:test or vitest"],
    jsonDetail,
    ...placeDetails,
  ],
  options: { boot: { type: "string" }, test: { type: "string" }, ...jsonOption, ...placeOptions },
  async run(args) {
    args.problems.push(...problemsOf(args));
    refuse(args, replay);
    const [file] = args.positionals as [string];
    const name = instanceIn(file);
    if (name === undefined && !existsSync(file) && !file.includes(".") && nameProblem("service", file) === undefined)
      throw usageError(
        [`there is no file ${file}; for an instance of a fleet write ${file.replace(/\/$/, "")}/INSTANCE`],
        replay.name,
      );
    const flight =
      name === undefined
        ? { recording: read(file), isRebuilt: false, lives: false, boots: [], shown: 0 }
        : await readKept(name, args);
    const style = args.text("test") as TestStyle | undefined;
    if (style !== undefined) printTest(flight, style, file);
    else if (args.has("json"))
      printJson({ ...flight.recording, rerun: (!flight.isRebuilt && rerun(flight.recording)) || null }, 2);
    else show(flight);
    return 0;
  },
};
