/** The inspector's page in a real Chromium. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { inspect } from "../../src/inspector/inspect.ts";
import { lead } from "../../src/leadership/lead.ts";
import type { ServiceOptions } from "../../src/service/types.ts";
import { launchBrowser, openPage } from "../kit/browser.ts";
import type { CliProcess } from "../kit/cli.ts";
import { openShell } from "../kit/cli.ts";
import { deadlines } from "../kit/deadlines.ts";
import { LoopbackProxy } from "../kit/proxy.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import type { TestHooks } from "../kit/tier.ts";
import { aborted, TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

const browser = await launchBrowser("the inspector's page, live, by keyboard, in the dark, on a phone, and its accessibility");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const sample = fileURLToPath(new URL("../fixtures/modules/class.mjs", import.meta.url));

const cleanups: (() => unknown)[] = [];
/** of the pages of one test; a connection that the test itself breaks is named in the console too, and is no trouble */
const troubles: { list: string[]; mayLoseConnection: boolean }[] = [];

let redis: TestRedis;
beforeAll(async () => {
  if (browser !== undefined) redis = await startTestRedis();
});
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
  const noted = troubles.splice(0);
  for (const { list, mayLoseConnection } of noted) {
    // a page whose service has ended asks for the next process
    const isLoss = (line: string) => line.includes(mayLoseConnection ? "Failed to load resource" : "ERR_CONNECTION_REFUSED");
    expect(list.filter((line) => !isLoss(line))).toEqual([]);
  }
});
afterAll(async () => {
  await browser?.close();
  await redis?.stop();
});

interface Watched {
  readonly service: TestTier;
  readonly url: string;
}

const watched = async (hooks: TestHooks = {}, options: Partial<ServiceOptions> = {}): Promise<Watched> => {
  const service = new TestTier({ redis: redis.url, ...options }, hooks);
  const inspection = inspect(service, { kind: "page", port: 0 }, { print: () => {} });
  cleanups.push(
    () => inspection.close(),
    () => service.shutdown(),
  );
  return { service, url: (await inspection.url)! };
};

const open = async (
  url: string,
  options: Parameters<typeof openPage>[1] & { mayLoseConnection?: boolean } = {},
): Promise<Page> => {
  const { mayLoseConnection = false, ...context } = options;
  const { page, troubles: list } = await openPage(browser!, context);
  cleanups.push(() => page.context().close());
  troubles.push({ list, mayLoseConnection });
  await page.goto(url);
  return page;
};

const drawn = async (page: Page): Promise<Page> => {
  await page.waitForSelector("#chart-lifecycle svg");
  return page;
};

const connection = (page: Page, want: string): Promise<unknown> => page.waitForSelector(`body[data-connection="${want}"]`);
const isActive = (page: Page, state: string): Promise<unknown> =>
  page.waitForSelector(`[data-state="lifecycle.${state}"].active`);
const text = async (page: Page, id: string): Promise<string> => (await page.locator(`#${id}`).textContent()) ?? "";

const boot = ["init", "jitter", "pinging", "starting", "registering", "healthy", "running"];

/** Notes each state that is lit, one after the other; frames that are late are drawn only when the next one is. */
const noteStates = (page: Page, { framesAreLate = false } = {}): Promise<void> =>
  page.evaluate((areLate) => {
    const noted: string[] = [];
    const frames: FrameRequestCallback[] = [];
    Object.assign(globalThis, { noted });
    if (areLate) globalThis.requestAnimationFrame = (draw) => frames.push(draw);
    const look = () => {
      for (const { dataset } of document.querySelectorAll<HTMLElement>("#chart-lifecycle [data-state].active")) {
        const top = dataset.state!.split(".")[1]!;
        if (noted.at(-1) !== top) noted.push(top);
      }
    };
    const lookAndDraw = () => {
      look();
      for (const draw of frames.splice(0)) draw(performance.now());
      look();
    };
    look();
    new MutationObserver(lookAndDraw).observe(document.querySelector("#chart-lifecycle")!, { subtree: true, attributes: true });
  }, framesAreLate);
const notedStates = (page: Page): Promise<string[]> => page.evaluate(() => (globalThis as unknown as { noted: string[] }).noted);

/** A gate that a hook waits at. */
const gate = () => {
  const controller = new AbortController();
  return { passed: aborted(controller.signal), open: () => controller.abort() };
};

const printedLink = async (program: CliProcess): Promise<string> => {
  const link = () => /http:\/\/127\.0\.0\.1:\d+\/#\S+/.exec(program.err())?.[0];
  return (await eventually("the link", link))!;
};

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly target: readonly string[] }[];
}
type Axe = { run(): Promise<{ violations: Finding[] }> };

const findings = async (page: Page): Promise<string[]> => {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: Axe }).axe.run());
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
};

describe.runIf(browser !== undefined)("the page", () => {
  it("shows a boot live, each state from init to running, and the arrow that was taken", async () => {
    const { service, url } = await watched();
    const page = await drawn(await open(url));
    await isActive(page, "init");
    await noteStates(page);
    void service.runToCompletion();
    await isActive(page, "running");
    expect(await notedStates(page)).toEqual(boot);
    await page.waitForSelector('[data-edge~="lifecycle.healthy.ready|run|lifecycle.running"].taken', { state: "attached" });
    await eventually("the panel shows it", async () => (await text(page, "state")) === "running");
    expect(await text(page, "lease-strip")).toContain("held");
    expect(await page.locator("#lease-strip [aria-current]").textContent()).toBe("held");
  });

  it("has each word of the chart in the size of its line, also where a class of the page has the same name", async () => {
    const { url } = await watched();
    const page = await drawn(await open(url));
    const others = await page
      .locator("#chart-lifecycle tspan")
      .evaluateAll((words) =>
        words.flatMap((word) =>
          getComputedStyle(word).fontSize === getComputedStyle(word.parentElement!).fontSize ? [] : [word.textContent],
        ),
      );
    expect(others).toEqual([]);
  });

  it("is not taken back by a frame that is drawn when the next state is lit already", async () => {
    const { service, url } = await watched();
    const page = await drawn(await open(url));
    await isActive(page, "init");
    await noteStates(page, { framesAreLate: true });
    void service.runToCompletion();
    await isActive(page, "running");
    expect(await notedStates(page)).toEqual(boot);
  });

  it("shows what a phase waits for, the time that is left and the tier's own phases as bars", async () => {
    const tools = gate();
    const { service, url } = await watched(
      { onStart: (context) => context.phase("tools", () => tools.passed) },
      { startTimeoutMs: deadlines.long },
    );
    const page = await drawn(await open(url));
    void service.runToCompletion();
    await isActive(page, "starting");
    await eventually("what is waited for", async () =>
      (await text(page, "waits")).includes("waiting for the tier's onStart, tools"),
    );
    expect(await text(page, "deadline-text")).toMatch(/ left of 5 min · startTimeout$/);
    expect(await page.locator("#phases li.open.nested .name").textContent()).toBe("tools");
    tools.open();
    await isActive(page, "running");
    await eventually("no deadline", () => page.locator("#deadline").isHidden());
  });

  it("shows a shutdown up to stopped, then keeps the last picture under a banner", async () => {
    const { service, url } = await watched();
    const page = await drawn(await open(url));
    void service.runToCompletion();
    await page.locator("[data-command=shutdown]:enabled").waitFor();
    await isActive(page, "running");
    await page.click("[data-command=shutdown]");
    expect([await page.locator("[data-command=shutdown]").textContent(), service.state]).toEqual([
      "Press again to shut down",
      "running",
    ]);
    await page.click("[data-command=shutdown]");
    await isActive(page, "stopped");
    await connection(page, "ended");
    expect(await text(page, "banner")).toMatch(
      /^shutdown: asked for in the inspector\. This is the last picture of that process/,
    );
    expect(await page.locator("#banner.good").count()).toBe(1);
    expect(await text(page, "waits")).toBe("shutdown: asked for in the inspector · exit code 0");
    expect(await page.locator("button[data-command]:enabled").count()).toBe(0);
    expect(await page.locator("#phases h3").allTextContents()).toEqual([
      expect.stringMatching(/^boot/),
      expect.stringMatching(/^stop/),
    ]);
  });

  it("shows a leadership on a chart of its own once there is one", async () => {
    const times = { renewMs: 40, retryMs: 20, pollMs: 20 };
    const { service, url } = await watched({
      run: (context) => lead(context, { name: "test", times }, ({ signal }) => aborted(signal)),
    });
    const page = await drawn(await open(url));
    expect(await page.locator("[role=tab]:visible").allTextContents()).toEqual(["Lifecycle", "Lease"]);
    void service.runToCompletion();
    await page.locator("#tab-leadership:visible").click();
    await page.waitForSelector('#chart-leadership [data-state="leadership.leader"].active');
    await page.waitForSelector("#events li.beat", { state: "attached" });
    expect(await page.locator("#events li.refused").count()).toBe(0);
  });

  it("shows a refused event in red, on the chart, in words and among the events", async () => {
    const { service, url } = await watched();
    const page = await drawn(await open(url));
    void service.runToCompletion();
    await isActive(page, "running");
    await service.boot().catch(() => {});
    await page.waitForSelector('[data-state="lifecycle.running"].refused');
    expect(await text(page, "notice")).toBe("'boot' was refused: it has no arrow in running. Allowed here: shutdown");
    const row = page.locator("#events li.refused");
    expect(await row.textContent()).toContain("boot refused");
    const [red, shown, stroke] = await page.evaluate(() => {
      const probe = document.createElement("i");
      probe.style.color = "var(--red)";
      document.body.append(probe);
      const colourOf = (selector: string, name: "color" | "stroke") => getComputedStyle(document.querySelector(selector)!)[name];
      return [getComputedStyle(probe).color, colourOf("#events li.refused b", "color"), colourOf(".refused > rect", "stroke")];
    });
    expect([shown, stroke]).toEqual([red, red]);
  });

  it("enables run only where the chart allows it", async () => {
    const { service, url } = await watched();
    const page = await drawn(await open(url));
    await page.locator("[data-command=shutdown]:enabled").waitFor();
    expect(await page.locator("[data-command=run]").isDisabled()).toBe(true);
    await service.boot();
    await page.locator("[data-command=run]:enabled").click();
    await isActive(page, "running");
    await page.locator("[data-command=run]:disabled").waitFor();
  });

  it("F56: shows nothing of the service without the token of the printed link, and says why", async () => {
    const { service, url } = await watched();
    const page = await open(url.split("#")[0]!, { mayLoseConnection: true });
    await service.boot();
    await connection(page, "refused");
    expect(await text(page, "banner")).toContain("only by the link that its process printed");
    expect(await page.locator("button[data-command]:enabled").count()).toBe(0);
    expect(await page.content()).not.toContain(service.instanceId);
  });

  it("takes the token out of the address, and has it after a reload", async () => {
    const { service, url } = await watched();
    const page = await drawn(await open(url));
    await service.boot();
    await isActive(page, "healthy.ready");
    expect(page.url()).toBe(url.split("#")[0]);
    await page.reload();
    await isActive(page, "healthy.ready");
  });

  it("shows what comes from a tier as text, markup included", async () => {
    const hostile = `<img src=x onerror="alert(1)"><script>alert(2)</script>`;
    const { service, url } = await watched({
      onStart: () => {
        throw new Error(hostile);
      },
    });
    const page = await drawn(await open(url));
    await service.runToCompletion();
    await connection(page, "ended");
    expect(await text(page, "failures")).toContain(hostile);
    expect(await page.locator("img, #failures script").count()).toBe(0);
    expect(await page.locator("#state").getAttribute("data-tone")).toBe("bad");
  });

  it("paints of a boot that failed only what was reached, and its banner has the first cause in red", async () => {
    const { service, url } = await watched({
      onStart: (context) =>
        context.phase("model", () => {
          throw new Error("no such model");
        }),
    });
    const page = await drawn(await open(url));
    await service.runToCompletion();
    await connection(page, "ended");
    const steps = () =>
      page.locator("#steps li").evaluateAll((items) => items.map(({ className }) => className.split(" ").slice(1).join()));
    await eventually("the strip", async () => (await steps())[3] === "failed");
    expect(await steps()).toEqual(["past", "past", "past", "failed", "missed", "missed", "missed", "past", "current"]);
    expect(await page.locator("#banner").getAttribute("class")).toBe("banner bad");
    expect(await text(page, "banner")).toContain("no such model");
    expect(await page.locator('[data-state="lifecycle.starting"].broken').count()).toBe(1);
    expect(await page.locator('[data-state="lifecycle.running"].been').count()).toBe(0);
    expect(await page.title()).toBe("test · failed");
  });

  it("a refused command is shown without a shift of the layout", async () => {
    const { service, url } = await watched();
    const page = await drawn(await open(url));
    void service.runToCompletion();
    await isActive(page, "running");
    const top = async () => (await page.locator("#lease-strip").boundingBox())!.y;
    await page.locator("#deadline").waitFor({ state: "hidden" });
    await page.locator("#phases .lasting").waitFor();
    const before = await top();
    await service.boot().catch(() => {});
    await page.locator("#notice:visible").waitFor();
    expect(await top()).toBe(before);
  });
});

describe.runIf(browser !== undefined)("a page that loses its service", () => {
  it("keeps the last picture while the line is down, and resumes without a gap", async () => {
    const [first, second] = [gate(), gate()];
    const { service, url } = await watched({
      onStart: async (context) => {
        await context.phase("first", () => first.passed);
        await context.phase("second", () => second.passed);
      },
    });
    const proxy = await LoopbackProxy.start(Number(new URL(url).port));
    cleanups.push(() => proxy.stop());
    const page = await drawn(await open(proxy.through(url), { mayLoseConnection: true }));
    void service.runToCompletion();
    await isActive(page, "starting");
    await proxy.refuse();
    await connection(page, "lost");
    expect(await text(page, "banner")).toMatch(
      /^The service no longer answers\. This is its last picture, from \d\d:\d\d:\d\d\.\d{3}\. Trying again\.$/,
    );
    expect(await text(page, "state")).toBe("starting");
    expect(await page.locator("button[data-command]:enabled").count()).toBe(0);
    first.open();
    second.open();
    await service.waitFor("running");
    await proxy.accept();
    await connection(page, "live");
    await isActive(page, "running");
    expect(await page.locator("#banner").isHidden()).toBe(true);
    const seqs = await page
      .locator("#events li")
      .evaluateAll((items) => items.map((item) => Number((item as HTMLElement).dataset.seq)).reverse());
    expect(seqs.length).toBeGreaterThan(10);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  });

  it("shows that the process was killed, and keeps its last picture", async () => {
    const shell = openShell();
    cleanups.push(() => shell.remove());
    const program = shell.start(["run", sample, "--inspect"]);
    const url = await printedLink(program);
    const page = await drawn(await open(url, { mayLoseConnection: true }));
    await isActive(page, "running");
    program.child.kill("SIGKILL");
    await program.ended;
    await connection(page, "lost");
    expect(await text(page, "live")).toBe("disconnected");
    expect(await text(page, "state")).toBe("running");
    expect(await page.title()).toMatch(/ · was running$/);
    const next = shell.start(["run", sample, "--inspect"]);
    expect(await printedLink(next)).toBe(url);
    await connection(page, "live");
    await isActive(page, "running");
    next.child.kill("SIGTERM");
    await next.ended;
  });

  it("gets the end of a process, which an open page does not keep alive", async () => {
    const shell = openShell();
    cleanups.push(() => shell.remove());
    const program = shell.start(["run", sample], { SG_INSPECT: "page" });
    const url = await printedLink(program);
    const page = await drawn(await open(url, { mayLoseConnection: true }));
    await isActive(page, "running");
    program.child.kill("SIGTERM");
    const { code, err } = await program.ended;
    expect(code).toBe(0);
    expect(err).not.toContain("still alive");
    await connection(page, "ended");
    expect(await text(page, "state")).toBe("stopped");
  });

  it("shows that it connects, and a chart that could not be loaded with a button to try again", async () => {
    const { url } = await watched();
    const { page, troubles: list } = await openPage(browser!);
    cleanups.push(() => page.context().close());
    troubles.push({ list, mayLoseConnection: true });
    const line = gate();
    await page.route(/\/events\?/, async (route) => {
      await line.passed;
      await route.continue();
    });
    await page.route("**/chart/lifecycle", (route) => route.fulfill({ status: 500, body: JSON.stringify({ error: "no ink" }) }));
    await page.goto(url);
    expect(await text(page, "live")).toBe("connecting");
    await page.waitForSelector("#chart-lifecycle .failure");
    expect(await text(page, "chart-lifecycle")).toContain("no ink");
    expect(await findings(page)).toEqual([]);
    await page.unroute("**/chart/lifecycle");
    await page.getByRole("button", { name: "Try again" }).click();
    await drawn(page);
    line.open();
    await connection(page, "live");
  });
});

describe.runIf(browser !== undefined)("the page's form", () => {
  it("works by keyboard alone", async () => {
    const { service, url } = await watched();
    const page = await drawn(await open(url));
    void service.runToCompletion();
    await page.locator("[data-command=shutdown]:enabled").waitFor();
    await isActive(page, "running");
    const reached: string[] = [];
    for (let presses = 0; presses < 9; presses += 1) {
      await page.keyboard.press("Tab");
      reached.push(
        await page.evaluate(() => {
          const { className, id, dataset } = document.activeElement as HTMLElement;
          return dataset.command ?? (id || className);
        }),
      );
    }
    const order = ["skip", "theme", "tab-lifecycle", "follow", "chart-lifecycle", "shutdown", "beats"];
    expect(reached.slice(0, 7)).toEqual(order);
    await page.focus("#tab-lifecycle");
    await page.keyboard.press("ArrowRight");
    await page.waitForSelector("#chart-lease:not([hidden]) svg");
    expect(await page.evaluate(() => document.activeElement!.id)).toBe("tab-lease");
    await page.focus("[data-command=shutdown]");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    expect(await page.locator("[data-command=shutdown]").textContent()).toBe("Shut down…");
    for (let presses = 0; presses < 2; presses += 1) await page.keyboard.press("Enter");
    await connection(page, "ended");
  });

  it("is dark where the system is, and remembers another choice", async () => {
    const { url } = await watched();
    const page = await drawn(await open(url, { colorScheme: "dark" }));
    const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const paper = () => page.evaluate(() => getComputedStyle(document.querySelector(".sg-chart .paper")!).fill);
    const [dark, darkPaper] = [await background(), await paper()];
    expect(dark).toBe("rgb(10, 13, 20)");
    expect(await page.locator("#theme").textContent()).toBe("Switch to light");
    await page.click("#theme");
    expect(await background()).toBe("rgb(244, 246, 249)");
    expect(await paper()).not.toBe(darkPaper);
    await page.reload();
    await drawn(page);
    expect(await background()).toBe("rgb(244, 246, 249)");
    expect(await page.locator("#theme").textContent()).toBe("Switch to dark");
  });

  it("fits a phone: nothing scrolls sideways, and the current state comes first", async () => {
    const { service, url } = await watched();
    const page = await drawn(await open(url, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }));
    void service.runToCompletion();
    await isActive(page, "running");
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    const box = (await page.locator("#now").boundingBox())!;
    expect(box.y + box.height).toBeLessThan(844);
    expect(box.y).toBeLessThan((await page.locator(".charts").boundingBox())!.y);
  });

  const looks = [
    { look: "light", options: { colorScheme: "light" } },
    { look: "dark", options: { colorScheme: "dark" } },
    { look: "phone", options: { viewport: { width: 390, height: 844 } } },
  ] as const;
  it.each(looks)("has no serious accessibility finding: $look, running and stopped", async ({ options }) => {
    const { service, url } = await watched();
    const page = await drawn(await open(url, { ...options, reducedMotion: "reduce" }));
    void service.runToCompletion();
    await isActive(page, "running");
    await service.boot().catch(() => {});
    await page.waitForSelector("#events li.refused");
    expect(await findings(page)).toEqual([]);
    await page.click("#tab-lease");
    expect(await findings(page)).toEqual([]);
    await service.shutdown();
    await connection(page, "ended");
    expect(await findings(page)).toEqual([]);
  });
});
