// A real browser for one story: pages as different people see them, and the checks that every page has to pass.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { Failure } from "./expect.mjs";
import { Witness } from "./witness.mjs";

const root = new URL("../../", import.meta.url);
const require = createRequire(new URL("target/browser/", root));
const { chromium } = require("playwright-core");
const SCREENSHOTS = new URL("target/screenshots/", root);

const PATIENCE = 15_000;
const THEMES = ["light", "dark"];
const HEIGHTS = { 360: 740, 1280: 800 };
const ISOLATED = "claviger-checks";

/** Starts the browser. Nothing but this machine can be reached from it. */
export function launch() {
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ],
  });
}

export class Kit {
  #browser;
  #story;
  #step = "the beginning";
  #witnesses = [];
  #seats = new Map();
  #axe;

  constructor(browser, story) {
    this.#browser = browser;
    this.#story = story;
  }

  /** Says what the story does next. What the step before did wrong fails here. */
  step(name) {
    this.#verdict();
    this.#step = name;
  }

  get currentStep() {
    return this.#step;
  }

  /**
   * A page in a browser of its own that knows nothing yet.
   *
   * `origin`: the only one that may be asked, and what paths are relative to; `also`: further origins that may be, or
   * addresses of an application's own scheme.
   * `tolerates`: patterns of what is no complaint in this story.
   */
  async page({
    origin,
    also = [],
    width = 1280,
    theme = "light",
    scripts = true,
    timezone = "UTC",
    locale = "en-US",
    clipboard = true,
    tolerates = [],
  }) {
    const context = await this.#browser.newContext({
      baseURL: origin,
      viewport: { width, height: HEIGHTS[width] ?? 800 },
      colorScheme: theme,
      javaScriptEnabled: scripts,
      timezoneId: timezone,
      locale,
      permissions: clipboard ? ["clipboard-read", "clipboard-write"] : [],
    });
    context.setDefaultTimeout(PATIENCE);
    const sources = [origin, ...also].map((text) => new URL(text));
    const origins = sources.map((url) => (url.origin === "null" ? url.protocol : url.origin));
    const witness = new Witness({ origins, tolerates, step: () => this.#step });
    this.#witnesses.push(witness);
    await witness.watch(context, { scripts });
    return this.#seat(await context.newPage(), { witness, width, theme, scripts });
  }

  /** Another tab of the same person. */
  async tab(page) {
    const { witness, width, theme, scripts } = this.#seatOf(page);
    return this.#seat(await page.context().newPage(), { witness, width, theme, scripts });
  }

  async #seat(page, seat) {
    const cdp = await page.context().newCDPSession(page);
    this.#seats.set(page, { ...seat, cdp });
    return page;
  }

  #seatOf(page) {
    const seat = this.#seats.get(page);
    if (!seat) throw new Failure(`${page.url()} was opened by a page: use kit.tab instead`);
    return seat;
  }

  /**
   * Checks what `page` shows now, in both themes, narrow and wide: no violation that axe-core finds (not asked where
   * scripts are off: it is one), nothing to scroll sideways. Leaves screenshots.
   */
  async check(page, name) {
    this.#verdict();
    const { witness, width, theme } = this.#seatOf(page);
    const found = new Map();
    await witness.looking(async () => {
      for (const [across, high] of Object.entries(HEIGHTS)) {
        await page.setViewportSize({ width: Number(across), height: high });
        for (const colorScheme of THEMES) {
          await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
          const variant = `${name}-${colorScheme}-${across}`;
          for (const flaw of await this.#flaws(page, variant, Number(across))) {
            found.set(flaw, [...(found.get(flaw) ?? []), variant]);
          }
        }
      }
      await page.setViewportSize({ width, height: HEIGHTS[width] ?? 800 });
      await page.emulateMedia({ colorScheme: theme, reducedMotion: null });
    });
    this.#verdict();
    const lines = [...found].map(([flaw, variants]) => `${variants.join(", ")}: ${flaw}`);
    if (lines.length) throw new Failure(lines.join("\n"));
  }

  async #flaws(page, variant, width) {
    const { scripts } = this.#seatOf(page);
    if (scripts) await this.evaluate(page, FINISHED);
    await this.screenshot(page, `${this.#story}-${variant}`);
    const flaws = [];
    const reach = await this.evaluate(page, "document.documentElement.scrollWidth");
    if (reach > width) {
      const [first] = JSON.parse(await this.evaluate(page, `JSON.stringify((${tooWide})(${width}))`));
      flaws.push(`the page is ${reach} px wide, because of ${first ?? "something unseen"}`);
    }
    if (!scripts) return flaws;
    if (!(await this.evaluate(page, "'axe' in globalThis"))) {
      this.#axe ??= await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
      await this.evaluate(page, `(() => { ${this.#axe} })()`);
    }
    const { violations } = JSON.parse(await this.evaluate(page, AXE));
    return [...flaws, ...violations.map(described)];
  }

  /**
   * The value of a JavaScript expression, worked out beside the page's own scripts: the page's policy doesn't apply,
   * its globals aren't seen. Where the page's scripts are off, the expression must not wait for anything.
   */
  async evaluate(page, expression) {
    const { cdp, scripts } = this.#seatOf(page);
    const { frameTree } = await cdp.send("Page.getFrameTree");
    const frameId = frameTree.frame.id;
    const world = await cdp.send("Page.createIsolatedWorld", { frameId, worldName: ISOLATED });
    const contextId = world.executionContextId;
    const how = { expression, contextId, returnByValue: true, awaitPromise: scripts };
    const { result, exceptionDetails } = await cdp.send("Runtime.evaluate", how);
    if (exceptionDetails) {
      throw new Failure(exceptionDetails.exception?.description ?? exceptionDetails.text);
    }
    return result.value;
  }

  /** The text that was copied last. */
  copied(page) {
    return page.bringToFront().then(() => this.evaluate(page, "navigator.clipboard.readText()"));
  }

  /** Loads `path` as if for the first time: `{bytes, requests}`, bytes as they were on the wire. */
  async weigh(page, path) {
    const { cdp } = this.#seatOf(page);
    const seen = { bytes: 0, requests: 0 };
    const count = ({ encodedDataLength }) => {
      seen.bytes += encodedDataLength;
      seen.requests += 1;
    };
    await cdp.send("Network.enable");
    await cdp.send("Network.setCacheDisabled", { cacheDisabled: true });
    cdp.on("Network.loadingFinished", count);
    await page.goto(path, { waitUntil: "load" });
    cdp.off("Network.loadingFinished", count);
    await cdp.send("Network.setCacheDisabled", { cacheDisabled: false });
    await cdp.send("Network.disable");
    return seen;
  }

  /** Writes the whole page to `target/screenshots/{name}.png`. */
  async screenshot(page, name) {
    const { cdp } = this.#seatOf(page);
    const { cssContentSize } = await cdp.send("Page.getLayoutMetrics");
    const clip = { x: 0, y: 0, width: cssContentSize.width, height: cssContentSize.height, scale: 1 };
    const { data } = await cdp.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true, clip });
    await mkdir(SCREENSHOTS, { recursive: true });
    await writeFile(new URL(`${encodeURIComponent(name)}.png`, SCREENSHOTS), Buffer.from(data, "base64"));
  }

  /** What pages did wrong since this was last asked: for stories about the kit itself. */
  complaints() {
    return this.#witnesses.flatMap((witness) => witness.take());
  }

  /** Ends the story: what was done wrong in its last step fails it. */
  async finish() {
    // What a page did last is told in order: after this answer, everything before it has arrived.
    for (const page of this.#open()) await this.evaluate(page, "0");
    this.#verdict();
  }

  /** Leaves a picture of every open page, for whoever looks for what went wrong. */
  async failed() {
    const slug = this.#step.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
    for (const [index, page] of this.#open().entries()) {
      const name = `failed-${this.#story}-${slug}${index ? `-${index + 1}` : ""}`;
      await this.screenshot(page, name).catch((error) => console.error(`no screenshot: ${error.message}`));
    }
  }

  #open() {
    return [...this.#seats.keys()].filter((page) => !page.isClosed());
  }

  #verdict() {
    const complaints = this.complaints();
    if (complaints.length) throw new Failure(complaints.map(({ kind, what }) => `${kind}: ${what}`).join("\n"));
  }
}

/** Resolves when nothing on the page moves any more, what moves for ever excepted. */
const FINISHED = `Promise.all(document.getAnimations()
  .filter((animation) => animation.effect.getComputedTiming().endTime !== Infinity)
  .map((animation) => animation.finished.catch(() => {}))).then(() => 0)`;

const AXE = `axe.run(document, { preload: false, resultTypes: ["violations"] })
  .then(({ violations }) => JSON.stringify({ violations: violations.map(({ id, help, nodes }) =>
    ({ id, help, nodes: nodes.slice(0, 5).map(({ html, failureSummary }) => ({ html, failureSummary })) })) }))`;

function described({ id, help, nodes }) {
  const places = nodes.map(({ html, failureSummary }) => `  ${html}\n    ${failureSummary.replaceAll("\n", "\n    ")}`);
  return [`axe: ${id}: ${help}`, ...places].join("\n");
}

/** Runs in the page: the elements that reach beyond `width`. */
function tooWide(width) {
  return [...document.body.querySelectorAll("*")]
    .filter((element) => element.getBoundingClientRect().right > width + 1)
    .map((element) => element.cloneNode(false).outerHTML);
}
