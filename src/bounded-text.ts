/** The text of an answer that another server gives: no more than a number of bytes of it. */

/** Rejects where there are more than `bytes`; the rest is then not read. */
export const boundedText = async ({ body }: Response, bytes: number): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let read = 0;
  // leaving the loop cancels the rest
  for await (const chunk of body ?? []) {
    read += chunk.length;
    if (read > bytes) throw new Error(`its answer has more than ${bytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
};
