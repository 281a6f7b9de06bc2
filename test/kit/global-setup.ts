/** Fails at once where no Redis server can be started; logs at the end how many cases were left to `npm run faults`. */
import type { TestProject } from "vitest/node";
import { findRedisServer } from "../../src/redis/embedded/binary.ts";

export default function setup(project: TestProject): () => void {
  if (findRedisServer() === undefined)
    throw new Error("The tests start their own Redis and found no redis-server or valkey-server. Run: npm run setup");
  return () => {
    const left = leftIn(project);
    if (left > 0) console.log(`${left} long cases of the fault suite were left to: npm run faults`);
  };
}

const leftIn = ({ vitest }: TestProject): number => {
  const tests = vitest.state.getTestModules().flatMap((file) => [...file.children.allTests()]);
  return tests.filter((test) => test.meta().left).length;
};
