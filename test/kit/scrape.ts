/** What a scraper reads of a service. */
import { ask } from "./http-client.ts";

/** The lines of `/metrics`, without those about help and type. */
export const scrape = async (port: number): Promise<string[]> =>
  (await ask(port, "/metrics")).body.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

/** A line's series: all of it but the value. */
export const seriesOf = (line: string): string => line.replace(/ [^ ]+$/, "");

/** The series that are there more than once. */
export const repeated = (lines: readonly string[]): string[] => {
  const series = lines.map(seriesOf);
  return series.filter((name, at) => series.indexOf(name) !== at);
};

/** The names of the metrics, a histogram's once. */
export const namesIn = (lines: readonly string[]): Set<string> =>
  new Set(lines.map((line) => line.split(/[{ ]/)[0]!.replace(/_(?:bucket|sum|count)$/, "")));
