/** The version of the program that a service runs in. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { programVersion } from "../src/version.ts";

describe("the version of the program", () => {
  const [, main] = process.argv;
  let folder: string;
  const write = (path: string, text: string) => writeFileSync(join(folder, path), text);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sg version "));
    mkdirSync(join(folder, "dist", "esm"), { recursive: true });
    write("dist/esm/main.js", "");
    process.argv[1] = join(folder, "dist", "esm", "main.js");
  });
  afterEach(() => {
    process.argv[1] = main!;
    rmSync(folder, { recursive: true });
  });

  it("is that of the package.json nearest to the main module", () => {
    write("package.json", '{"version":"4.5.6"}');
    expect(programVersion()).toBe("4.5.6");
    write("dist/package.json", '{"version":"7.8.9"}');
    expect(programVersion()).toBe("7.8.9");
  });

  it("is not taken from a package.json that cannot be read or has no version", () => {
    write("package.json", '{"version":"4.5.6"}');
    for (const text of ['{"type":"module"}', "{", "null", '{"version":5}', '{"version":""}']) {
      write("dist/esm/package.json", text);
      expect(programVersion()).toBe("4.5.6");
    }
  });

  it("is that of the file which a link in .bin names", () => {
    write("package.json", '{"version":"4.5.6"}');
    const bin = mkdtempSync(join(tmpdir(), "sg-bin-"));
    symlinkSync(process.argv[1]!, join(bin, "program"));
    process.argv[1] = join(bin, "program");
    expect(programVersion()).toBe("4.5.6");
    rmSync(bin, { recursive: true });
  });

  it("is undefined without a main module, and without its file", () => {
    process.argv[1] = join(folder, "gone.js");
    expect(programVersion()).toBeUndefined();
    process.argv.splice(1, 1);
    expect(programVersion()).toBeUndefined();
    process.argv.splice(1, 0, main!);
  });
});
