/** What a scrape has: the text format of Prometheus, as far as it matters here. */
import { get } from "node:http";

/** Resolves with the status, the body, the header `Age`, and when the answer had come. */
export const scrape = ({ host, port }) =>
  new Promise((resolve, reject) => {
    const request = get({ host, port, path: "/metrics", agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text) => {
        body += text;
      });
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, body, age: response.headers.age, at: Date.now() }));
    });
    request.on("error", reject);
    request.setTimeout(10_000, () => request.destroy(new Error("no answer within 10 s")));
  });

/** The series of a text: lines without their values. */
export const seriesIn = (body) =>
  body
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.replace(/ [^ ]+$/, ""));

/** What a text has twice: a series, or the type of a name. */
export const repeatedIn = (body) => {
  const all = [...seriesIn(body), ...body.split("\n").filter((line) => line.startsWith("# TYPE "))];
  return all.filter((one, at) => all.indexOf(one) !== at);
};

/** The age that a text gives itself, in seconds; undefined where it gives none. */
export const ageIn = (body) => {
  const text = /^sg_metrics_age_seconds (\S+)$/m.exec(body)?.[1];
  return text === undefined ? undefined : Number(text);
};
