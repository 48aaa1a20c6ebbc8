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

/** What is too lax about an answer's header fields; `foreign` are further origins that forms may lead to. */
export function laxities(headers, foreign = []) {
  const page = (headers["content-type"] ?? "").startsWith("text/html");
  const wanted = page ? { ...OF_ANYTHING, ...OF_A_PAGE } : { ...OF_ANYTHING };
  // A page whose form is answered from elsewhere is one that elsewhere opens.
  const leads = /form-action 'self' [^;]/.test(headers["content-security-policy"] ?? "");
  if (page && leads) wanted["cross-origin-opener-policy"] = "same-origin-allow-popups";
  const found = Object.entries(wanted)
    .filter(([name, value]) => headers[name] !== value)
    .map(([name, value]) => `${name} is ${headers[name] ?? "absent"}, not ${value}`);
  for (const name of ["server", "x-powered-by", "access-control-allow-origin"]) {
    if (name in headers) found.push(`${name} is there: ${headers[name]}`);
  }
  if (page) found.push(...laxitiesOfPolicy(headers["content-security-policy"] ?? "", foreign));
  return found;
}

function laxitiesOfPolicy(text, foreign) {
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
    const permitted = [...(POLICY[name] ?? []), "'none'", ...(name === "form-action" ? foreign : [])];
    for (const source of sources.filter((source) => !permitted.includes(source))) {
      found.push(`the policy's ${name} permits ${source}`);
    }
  }
  return found;
}
