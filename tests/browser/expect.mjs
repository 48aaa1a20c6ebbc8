// Expectations whose failure reads as a sentence.

const PATIENCE = 10_000;
const PAUSE = 25;

export class Failure extends Error {
  name = "Failure";
}

const shown = (value) => (value instanceof RegExp ? String(value) : JSON.stringify(value));
const same = (actual, wanted) => JSON.stringify(actual) === JSON.stringify(wanted);
const fits = (actual, wanted) =>
  wanted instanceof RegExp ? wanted.test(String(actual)) : same(actual, wanted);

/** `expect(actual, "the status").is(200)`: for what is known already. */
export function expect(actual, what = "the value") {
  const demand = (holds, wish) => {
    if (!holds) throw new Failure(`${what} ${wish}, but is ${shown(actual)}`);
  };
  return {
    is: (wanted) => demand(same(actual, wanted), `should be ${shown(wanted)}`),
    isNot: (unwanted) => demand(!same(actual, unwanted), `should not be ${shown(unwanted)}`),
    matches: (pattern) => demand(pattern.test(actual), `should match ${pattern}`),
    contains: (part) => demand(actual.includes(part), `should contain ${shown(part)}`),
    lacks: (part) => demand(!actual.includes(part), `should not contain ${shown(part)}`),
    isAtMost: (most) => demand(actual <= most, `should be at most ${most}`),
  };
}

/** Reads until `read` returns what fits, as a person looks at a page until it has settled. */
async function settles(what, wanted, read) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const actual = await read();
    if (fits(actual, wanted)) return;
    if (Date.now() > end) throw new Failure(`${what} should be ${shown(wanted)}, but is ${shown(actual)}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

async function waitFor(locator, state) {
  try {
    await locator.waitFor({ state, timeout: PATIENCE });
  } catch (error) {
    throw new Failure(`${locator} should be ${state}`, { cause: error });
  }
}

expect.visible = (locator) => waitFor(locator, "visible");
expect.hidden = (locator) => waitFor(locator, "hidden");
expect.title = (page, wanted) => settles("the title", wanted, () => page.title());
/** The path, with the query where there is one. */
expect.at = (page, wanted) =>
  settles("the page's path", wanted, () => {
    const url = new URL(page.url());
    return url.pathname + url.search;
  });
expect.text = async (locator, wanted) => {
  await waitFor(locator, "visible");
  await settles(`the text of ${locator}`, wanted, async () => (await locator.innerText()).trim());
};
expect.value = (locator, wanted) => settles(`the value of ${locator}`, wanted, () => locator.inputValue());
expect.count = (locator, wanted) => settles(`the number of ${locator}`, wanted, () => locator.count());
/** That the keyboard is at this element. */
expect.focused = (locator) => {
  const focused = locator.and(locator.page().locator(":focus"));
  return settles(`whether ${locator} has the focus`, true, async () => (await focused.count()) === 1);
};

/** That `attempt` fails, with a message like this. */
expect.fails = async (attempt, pattern) => {
  try {
    await attempt();
  } catch (error) {
    return expect(error.message, "the failure").matches(pattern);
  }
  throw new Failure(`a failure like ${pattern} should have come, but none did`);
};
