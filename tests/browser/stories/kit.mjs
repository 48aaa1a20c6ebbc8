// The kit notices what it is there to notice: a server of this story's own serves pages with one flaw each.

import { createServer } from "node:http";

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; " +
  "frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types default";
const STRICT = {
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
  "referrer-policy": "same-origin",
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  "content-security-policy": POLICY,
};
const FRAME = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=width=device-width>";
const body = (inside, head = "") => `${FRAME}<title>A page</title>${head}<main><h1>A page</h1>${inside}</main>`;
const scripted = (name) => body("<p id=p>Text</p><template><p>More</p></template>", `<script type=module src=/${name}.js></script>`);

const pages = (other) => ({
  "/good": body("<p>Text</p>"),
  "/unlabelled": body("<input>"),
  "/pale": body("<p class=pale>Hardly to be read</p>", "<link rel=stylesheet href=/dark.css>"),
  "/wide": body("<p class=wide>Text</p>", "<link rel=stylesheet href=/wide.css>"),
  "/inline-style": body('<p style="color: red">Text</p>'),
  "/inline-script": body("<script>document.title = 'Changed'</script>"),
  "/markup": scripted("markup"),
  "/elsewhere": body(`<p><a href="${other}/there">There</a></p>`),
  "/error": scripted("error"),
  "/throws": scripted("throws"),
  "/missing": body("<img src=/missing.png alt=Missing>"),
  "/moving": scripted("moving"),
  "/copies": body("<button>Copy</button>", "<script type=module src=/copies.js></script>"),
});
const files = {
  "/dark.css": ["text/css", "@media (prefers-color-scheme: dark) { .pale { background: #111; color: #333 } }"],
  "/wide.css": ["text/css", ".wide { width: 500px }"],
  "/markup.js": ["text/javascript", "document.querySelector('p').innerHTML = '<b>Bold</b>'"],
  "/error.js": ["text/javascript", "console.error('something is wrong')"],
  "/throws.js": ["text/javascript", "throw new TypeError('nobody catches this')"],
  "/moving.js": [
    "text/javascript",
    `requestAnimationFrame(() => requestAnimationFrame(() => {
       const late = document.createElement("h1");
       late.textContent = "Late ".repeat(200);
       document.querySelector("p").before(late);
       requestAnimationFrame(() => { document.title = "Moved"; });
     }))`,
  ],
  "/copies.js": [
    "text/javascript",
    "document.querySelector('button').onclick = () => navigator.clipboard.writeText('copied text')",
  ],
};

function listen(answer) {
  const server = createServer(answer);
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve([server, `http://127.0.0.1:${server.address().port}`])),
  );
}

function answerWith(texts) {
  return (request, response) => {
    const [type, text] = files[request.url] ?? ["text/html; charset=utf-8", texts[request.url]];
    const headers = request.url === "/good?lax" ? { "content-type": type } : { ...STRICT, "content-type": type };
    response.writeHead(text === undefined ? 404 : 200, headers).end(text ?? body("<p>There is no page here."));
  };
}

export async function story({ kit, expect }) {
  const [elsewhere, other] = await listen((_request, response) => response.end("There"));
  const texts = pages(other);
  const [server, origin] = await listen(answerWith({ ...texts, "/good?lax": texts["/good"] }));
  try {
    await flaws({ origin, kit, expect });
  } finally {
    server.close();
    elsewhere.close();
  }
}

async function flaws({ origin, kit, expect }) {
  const page = await kit.page({ origin });
  /** Opens a page, waits until `sign` is noted, and takes everything that was. */
  const noted = async (path, sign, act = () => page.goto(path)) => {
    await act();
    const found = [];
    const look = async () => {
      await kit.evaluate(page, "0");
      found.push(...kit.complaints());
      return found.some(({ kind, what }) => `${kind}: ${what}`.match(sign)) ? 1 : 0;
    };
    const end = Date.now() + 10_000;
    while (!(await look())) {
      if (Date.now() > end) expect(found, `what was noted of ${path}`).matches(sign);
    }
  };

  kit.step("a page without a flaw passes");
  await page.goto("/good");
  await kit.check(page, "good");

  kit.step("an input without a label is noticed");
  await page.goto("/unlabelled");
  await expect.fails(() => kit.check(page, "unlabelled"), /unlabelled-light-360, unlabelled-dark-360, .*: axe: label/);

  kit.step("text that is too pale in the dark alone is noticed");
  await page.goto("/pale");
  await expect.fails(() => kit.check(page, "pale"), /^pale-dark-360, pale-dark-1280: axe: color-contrast/);

  kit.step("a page that is wider than a telephone is noticed");
  await page.goto("/wide");
  await expect.fails(() => kit.check(page, "wide"), /^wide-light-360, wide-dark-360: the page is 5\d\d px wide, because of .*class="wide"/);

  kit.step("a breach of the policy is noticed");
  await noted("/inline-style", /^policy: style-src-attr blocked inline/);
  await noted("/inline-script", /^policy: script-src-elem blocked inline/);
  await noted("/markup", /^policy: require-trusted-types-for blocked trusted-types-sink/);
  await expect.title(page, "A page");

  kit.step("a breach of the policy is noticed where scripts are off");
  const plain = await kit.page({ origin, scripts: false });
  await noted("/inline-style", /^policy: .*inline style/, () => plain.goto("/inline-style"));

  kit.step("a request to elsewhere is noticed");
  await page.goto("/elsewhere");
  await noted("/elsewhere", /^elsewhere: a request to http/, () => page.getByText("There").click());

  kit.step("errors of scripts are noticed");
  await noted("/error", /^console: something is wrong/);
  await noted("/throws", /^error: TypeError: nobody catches this/);

  kit.step("a part that is not there is noticed, a page that is not there is an answer");
  await noted("/missing", /^console: Failed to load resource/);
  await page.goto("/nowhere");

  kit.step("lax header fields are noticed");
  await noted("/good?lax", /^headers: 200 \/good: the policy has no default-src/);

  kit.step("content that moves is noticed");
  await noted("/moving", /^shift: the layout moved by/);

  kit.step("what was copied is read");
  await page.goto("/copies");
  await page.getByRole("button").click();
  expect(await kit.copied(page), "the copied text").is("copied text");

  kit.step("scripts are evaluated under the strictest policy");
  expect(await page.evaluate(() => document.title), "the title").is("A page");
  await page.waitForFunction(() => document.title === "A page");
  await kit.finish();

  kit.step("a first load is weighed");
  const { bytes, requests } = await kit.weigh(page, "/copies");
  expect(requests, "the number of requests").is(2);
  expect(bytes > 900 && bytes < 3000, "whether some bytes were counted").is(true);
}
