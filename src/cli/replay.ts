/** `replay`: the recording of a service whose stop failed, from the file that its log names. */
import { readUpTo } from "../bounded-file.ts";
import { messageOf, StargazerError } from "../errors.ts";
import type { FlightRecording, Rerun, TestStyle, Tone } from "../flight/index.ts";
import { maxFlightBytes, parseFlight, rerun, storyOf, testStyles, testText } from "../flight/index.ts";
import { timelineTree } from "../timeline/index.ts";
import type { Arguments, Command } from "./command.ts";
import { jsonDetail, jsonOption, refuse } from "./command.ts";
import { print, printJson, printText } from "./print.ts";
import { duration, paintFor } from "./terminal.ts";

const colours: Readonly<Record<Tone, Parameters<ReturnType<typeof paintFor>>[0]>> = { plain: "dim", state: "bold", bad: "red" };

const read = (path: string): FlightRecording => {
  const unreadable = (why: string) => new StargazerError("SG_ERR_CONFIG_INVALID", `${path} cannot be read: ${why}`);
  let json: string | undefined;
  try {
    json = readUpTo(path, maxFlightBytes);
  } catch (cause) {
    throw unreadable(messageOf(cause));
  }
  if (json === undefined) throw unreadable(`a recording has at most ${maxFlightBytes} bytes`);
  return parseFlight(json, path);
};

const head = ({ service, instance, pid, writtenAt, path, end }: FlightRecording): string[] => [
  `${service}/${instance}, pid ${pid}, ${new Date(writtenAt).toISOString()}`,
  end === null ? `cut while it was in ${path}` : `stopped: ${end.outcome} (${end.reason})`,
  ...(end?.failures ?? []).map(({ phase, code, message }) => `  ${code} in ${phase}: ${message}`),
];

const rerunWords = (again: Rerun | undefined): string => {
  if (again === undefined) return "The recording has lost its beginning, so the chart cannot be driven with it.";
  return again.same
    ? "The chart of this version takes the same path."
    : `The chart of this version takes another path: '${again.event}' led to ${again.led} then, and leads to ${again.leads} now.`;
};

const show = (recording: FlightRecording): void => {
  const paint = paintFor(process.stdout);
  const story = storyOf(recording).map(({ atMs, text, tone }) => {
    const when = (atMs === undefined ? "" : `+${duration(atMs)}`).padStart(10);
    return `${paint("dim", when)}  ${paint(colours[tone], text)}`;
  });
  const phases = timelineTree(recording.phases, recording.uptimeMs);
  const lines = [...head(recording), "", ...story, "", ...phases, "", rerunWords(rerun(recording))];
  print(lines);
};

const printTest = (recording: FlightRecording, style: TestStyle, file: string): void => {
  if (recording.dropped > 0) {
    const problem = `${file} has lost its first ${recording.dropped} entries, and a test needs the whole life`;
    throw new StargazerError("SG_ERR_CONFIG_INVALID", problem);
  }
  printText(testText(recording, style));
};

const problemsOf = ({ positionals, text, has }: Arguments): string[] => {
  const style = text("test");
  return [
    ...(positionals.length === 1 ? [] : ["name one file"]),
    ...(style === undefined || (testStyles as readonly string[]).includes(style)
      ? []
      : [`unknown test style ${JSON.stringify(style)}: use ${testStyles.join(" or ")}`]),
    ...(style !== undefined && has("json") ? ["--json and --test exclude each other"] : []),
  ];
};

export const replay: Command = {
  name: "replay",
  summary: "shows what a service did before its stop failed, or turns that into a test",
  synopsis: "FILE [--json] [--test node|vitest]",
  details: [
    [
      "FILE",
      "named by the log of a service that failed; in SG_FLIGHT_DIR, else in stargazer-flights-UID below the folder for temporary files",
    ],
    ["--test STYLE", "the text of a test that drives the chart the same way, for node:test or vitest"],
    jsonDetail,
  ],
  options: { test: { type: "string" }, ...jsonOption },
  async run(args) {
    args.problems.push(...problemsOf(args));
    refuse(args, replay);
    const [file] = args.positionals as [string];
    const recording = read(file);
    const style = args.text("test") as TestStyle | undefined;
    if (style !== undefined) printTest(recording, style, file);
    else if (args.has("json")) printJson({ ...recording, rerun: rerun(recording) ?? null }, 2);
    else show(recording);
    return 0;
  },
};
