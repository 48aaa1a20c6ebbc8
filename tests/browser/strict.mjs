// What every answer of a page's server has to forbid the browser.

/** Directives of the policy, and the only sources that each may name. */
const POLICY = {
  "default-src": ["'none'"],
  "script-src": ["'self'"],
  "style-src": ["'self'"],
  "img-src": ["'self'", "data:"],
  "font-src": ["'self'"],
  "connect-src": ["'self'"],
  "form-action": ["'self'"],
  "frame-ancestors": ["'none'"],
  "base-uri": ["'none'"],
  "object-src": ["'none'"],
  "manifest-src": ["'self'"],
  "require-trusted-types-for": ["'script'"],
};
/** Without these, a policy is none. */
const INDISPENSABLE = ["default-src", "form-action", "frame-ancestors", "base-uri", "require-trusted-types-for"];
/** Directives that permit nothing by themselves. */
const HARMLESS = ["report-uri", "report-to", "trusted-types", "upgrade-insecure-requests"];

const OF_A_PAGE = {
  "cache-control": "no-store",
  "referrer-policy": "same-origin",
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
};
const OF_ANYTHING = {
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
};

/** What is too lax about an answer's header fields. */
export function laxities(headers) {
  const page = (headers["content-type"] ?? "").startsWith("text/html");
  const wanted = page ? { ...OF_ANYTHING, ...OF_A_PAGE } : { ...OF_ANYTHING };
  const found = Object.entries(wanted)
    .filter(([name, value]) => headers[name] !== value)
    .map(([name, value]) => `${name} is ${headers[name] ?? "absent"}, not ${value}`);
  for (const name of ["server", "x-powered-by", "access-control-allow-origin"]) {
    if (name in headers) found.push(`${name} is there: ${headers[name]}`);
  }
  if (page) found.push(...laxitiesOfPolicy(headers["content-security-policy"] ?? ""));
  return found;
}

function laxitiesOfPolicy(text) {
  const directives = new Map(
    text
      .split(";")
      .map((part) => part.trim().split(/\s+/))
      .filter(([name]) => name)
      .map(([name, ...sources]) => [name, sources]),
  );
  const found = INDISPENSABLE.filter((name) => !directives.has(name)).map((name) => `the policy has no ${name}`);
  for (const [name, sources] of directives) {
    if (HARMLESS.includes(name)) continue;
    const permitted = [...(POLICY[name] ?? []), "'none'"];
    for (const source of sources.filter((source) => !permitted.includes(source))) {
      found.push(`the policy's ${name} permits ${source}`);
    }
  }
  return found;
}
