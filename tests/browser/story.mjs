// Plays one story: `node story.mjs NAME`, with what it is given as JSON on standard input.
//
// Ends with 0 if everything was as the story expects; otherwise says which step failed, and leaves screenshots.

import { stripVTControlCharacters } from "node:util";

import { expect } from "./expect.mjs";
import { Kit, launch } from "./kit.mjs";

const PATIENCE = 120_000;

async function givenOnInput() {
  const parts = [];
  for await (const part of process.stdin) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString() || "{}");
}

const [name] = process.argv.slice(2);
const { story } = await import(`./stories/${name}.mjs`);
const given = await givenOnInput();
const browser = await launch();
const kit = new Kit(browser, name.replaceAll("/", "-"));
const fail = (message) => {
  console.error(stripVTControlCharacters(`story ${name}, at "${kit.currentStep}": ${message}`));
  process.exitCode = 1;
};

const late = Symbol("late");
let alarm;
const limit = new Promise((resolve) => {
  alarm = setTimeout(resolve, PATIENCE, late);
});
try {
  const played = story({ browser, given, kit, expect }).then(() => kit.finish());
  if ((await Promise.race([played, limit])) === late) throw new Error(`not finished within ${PATIENCE / 1000} s`);
} catch (error) {
  const expected = error.name === "Failure";
  fail(expected ? error.message : (error.stack ?? String(error)));
  await kit.failed();
} finally {
  clearTimeout(alarm);
  await browser.close();
}
// What a story left open keeps nobody waiting.
process.exit();
