/** Reading files that others may have written, or that have grown: no more than a number of bytes of them. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const withFile = <T>(path: string, use: (file: number) => T): T => {
  const file = openSync(path, "r");
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
};

/** The text of a file; undefined where it has more than `bytes`, as a device may, which has no end. Throws where it cannot be read. */
export const readUpTo = (path: string, bytes: number): string | undefined =>
  withFile(path, (file) => {
    const chunks: Buffer[] = [];
    for (let left = bytes; left >= 0; ) {
      const chunk = Buffer.alloc(Math.min(65_536, bytes + 1));
      const length = readSync(file, chunk);
      if (length === 0) return Buffer.concat(chunks).toString("utf8");
      chunks.push(chunk.subarray(0, length));
      left -= length;
    }
    return undefined;
  });

/** The end of a file, at most `bytes` of it. Throws where it cannot be read. */
export const readEnd = (path: string, bytes: number): string =>
  withFile(path, (file) => {
    const chunk = Buffer.alloc(bytes);
    const length = readSync(file, chunk, 0, bytes, Math.max(0, fstatSync(file).size - bytes));
    return chunk.subarray(0, length).toString("utf8");
  });
