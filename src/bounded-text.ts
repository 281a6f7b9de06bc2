/** Reads the body of another server's response up to a number of bytes. */

/** A response of `fetch`, or one of `node:http` as `{ body: response }`. */
interface Answered {
  readonly body: AsyncIterable<Uint8Array> | null;
}

/** The parts of a body. Throws where there are more than `bytes`; the rest is then not read. */
export async function* boundedParts({ body }: Answered, bytes: number): AsyncGenerator<Uint8Array, void> {
  let read = 0;
  // leaving the loop cancels the rest
  for await (const part of body ?? []) {
    read += part.length;
    if (read > bytes) throw new Error(`its answer has more than ${bytes} bytes`);
    yield part;
  }
}

/** The text of a body. Rejects where there are more than `bytes`; the rest is then not read. */
export const boundedText = async (response: Answered, bytes: number): Promise<string> => {
  const parts: Uint8Array[] = [];
  for await (const part of boundedParts(response, bytes)) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
};
