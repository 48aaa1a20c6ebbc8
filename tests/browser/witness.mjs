// Watches a browser context and notes whatever no page may do: console errors, uncaught errors, violations of the
// policy, requests to elsewhere, lax header fields, and content that moves after it was seen.

import { laxities } from "./strict.mjs";

/** Cumulative layout shift of one document from which on it is a complaint. */
export const SHIFT_MAX = 0.01;

const BINDING = "tellTheWitness";

/** Runs in every document before its own scripts. */
function watchFromInside(binding) {
  const tell = globalThis[binding];
  const id = String(performance.timeOrigin) + location.href;
  addEventListener("securitypolicyviolation", (event) => {
    const what = `${event.effectiveDirective} blocked ${event.blockedURI || "inline"} ${event.sample}`.trim();
    tell({ kind: "policy", what });
  });
  new PerformanceObserver((list) => {
    for (const shift of list.getEntries()) {
      if (shift.hadRecentInput) continue;
      const nodes = shift.sources.map(({ node }) => node?.nodeName?.toLowerCase() ?? "?").join(", ");
      tell({ kind: "shift", id, value: shift.value, nodes });
    }
  }).observe({ type: "layout-shift", buffered: true });
}

export class Witness {
  #notes = [];
  #shifts = new Map();
  #looking = 0;
  #navigated = new Set();

  /** `step` says which step the story is at. */
  constructor({ origins, tolerates, step }) {
    this.origins = origins;
    this.tolerates = tolerates;
    this.step = step;
  }

  /** Watches `context`, of which no page may be open yet. */
  async watch(context, { scripts }) {
    context.on("console", (message) => message.type() === "error" && this.#console(message));
    context.on("weberror", (error) => this.#note("error", error.error().stack ?? String(error.error())));
    context.on("request", (request) => this.#request(request));
    context.on("response", (response) => this.#response(response));
    context.on("page", (page) => page.on("websocket", (socket) => this.#address(socket.url())));
    if (!scripts) return;
    await context.exposeBinding(BINDING, (_source, told) => this.#told(told));
    await context.addInitScript(watchFromInside, BINDING);
  }

  /** While `look` runs, the kit itself resizes the page, and what moves is no complaint. */
  async looking(look) {
    this.#looking += 1;
    try {
      return await look();
    } finally {
      this.#looking -= 1;
    }
  }

  /** What was noted since the last call, as `{kind, what, step}`. */
  take() {
    return this.#notes.splice(0);
  }

  #note(kind, what) {
    if (this.tolerates.some((pattern) => pattern.test(what))) return;
    this.#notes.push({ kind, what, step: this.step() });
  }

  #told(told) {
    if (told.kind === "policy") return this.#note("policy", told.what);
    if (this.#looking) return;
    const before = this.#shifts.get(told.id) ?? 0;
    this.#shifts.set(told.id, before + told.value);
    if (before < SHIFT_MAX && before + told.value >= SHIFT_MAX) {
      this.#note("shift", `the layout moved by ${(before + told.value).toFixed(3)}: ${told.nodes}`);
    }
  }

  #console(message) {
    const text = message.text();
    const { url } = message.location();
    // A page with an error status is an answer like any other; the story says which status it expects.
    const ownStatus = text.startsWith("Failed to load resource: the server responded") && this.#navigated.has(url);
    // Browsers ask for this by themselves.
    const icon = text.startsWith("Failed to load resource") && url.endsWith("/favicon.ico");
    if (ownStatus || icon) return;
    const refused = /Refused to|Content Security Policy|TrustedScript|TrustedHTML/.test(text);
    this.#note(refused ? "policy" : "console", `${text} (${url})`);
  }

  #request(request) {
    this.#address(request.url());
    if (request.isNavigationRequest()) this.#navigated.add(request.url().split("#")[0]);
  }

  #address(text) {
    const url = new URL(text);
    const stays = ["data:", "blob:", "about:", "chrome-error:"].includes(url.protocol);
    // An application's own scheme has no origin.
    const origin = url.origin === "null" ? url.protocol : url.origin.replace(/^ws/, "http");
    if (!stays && !this.origins.includes(origin)) this.#note("elsewhere", `a request to ${text}`);
  }

  #response(response) {
    if (new URL(response.url()).origin !== this.origins[0]) return;
    for (const laxity of laxities(response.headers())) {
      this.#note("headers", `${response.status()} ${new URL(response.url()).pathname}: ${laxity}`);
    }
  }
}
