/** Server-sent events, as a stream of bytes brings them. */

/** A break of a line. A carriage return at the end may be the first half of one. */
const lineBreak = /\r\n|\n|\r(?!$)/;

/** The lines of the parts; the last one also without a break behind it. */
async function* linesOf(parts: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const part of parts) {
    const lines = (rest + decoder.decode(part, { stream: true })).split(lineBreak);
    rest = lines.pop()!;
    yield* lines;
  }
  yield* (rest + decoder.decode()).split(/\r\n|\n|\r/);
}

/** The data of each event. Comments and other fields are skipped. What is not UTF-8 becomes U+FFFD. The bound is that of the parts. */
export async function* eventsOf(parts: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  let data: string[] = [];
  for await (const line of linesOf(parts)) {
    if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
    if (line !== "" || data.length === 0) continue;
    yield data.join("\n");
    data = [];
  }
  if (data.length > 0) yield data.join("\n");
}
