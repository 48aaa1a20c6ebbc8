// An application asks a member for access, is let in, remembered and put out; another one gets no answer but "no".

import { createServer } from "node:http";
import { once } from "node:events";

/** A server on this machine that answers so. */
async function serving(answer) {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** An application's own address, which leads on to a site beside it; and what was sent there, one after the other. */
async function application() {
  const sent = [];
  const site = await serving((request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end('<!doctype html><html lang="en"><title>The application</title><h1>Back in the application</h1></html>');
  });
  const own = await serving((request, response) => {
    const url = new URL(request.url, "http://127.0.0.1");
    if (url.pathname === "/callback") sent.push(url.searchParams);
    response.writeHead(302, { location: `${site.origin}/` }).end();
  });
  const close = () => [own, site].forEach((server) => server.close());
  return { origin: own.origin, origins: [own.origin, site.origin], sent, close };
}

export async function story({ given, kit, expect }) {
  const app = await application();
  const asking = (client, more = {}) => {
    const query = new URLSearchParams({
      response_type: "code",
      client_id: client,
      redirect_uri: `${app.origin}/callback`,
      code_challenge: given.challenge,
      code_challenge_method: "S256",
      state: "a state/with=signs",
      ...more,
    });
    return `${given.portal}/oauth/cicosts/authorize?${query}`;
  };
  const back = async (page) => {
    await expect.text(page.getByRole("heading", { level: 1 }), "Back in the application");
    const answer = app.sent.pop();
    expect(answer.get("state"), "the state").is("a state/with=signs");
    expect(answer.get("iss"), "the issuer").is(`${given.portal}/oauth/cicosts`);
    return answer;
  };
  const begin = async (page, place) => {
    // As an application does: by a link of its own page.
    await page.goto(`${app.origin}/`);
    await page.evaluate((place) => location.assign(place), place);
  };

  kit.step("an application asks somebody who isn't signed in");
  const page = await kit.page({ origin: given.portal, also: app.origins });
  const press = (name) => page.getByRole("button", { name, exact: true }).click();
  const heading = page.getByRole("heading", { level: 1 });
  await begin(page, asking(given.verified, { scope: "costs:read alerts:write" }));
  await expect.visible(page.getByRole("heading", { name: "Sign in" }));
  await page.goto(given.link);
  await expect.text(heading, "Allow Cost Reports access?");
  await kit.check(page, "consent");

  kit.step("a click that was meant for another window answers nothing");
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  const { x, y, width, height } = await page.getByRole("button", { name: "Allow", exact: true }).boundingBox();
  await page.mouse.click(x + width / 2, y + height / 2);
  await expect.text(heading, "Allow Cost Reports access?");
  expect(app.sent.length, "the number of answers").is(0);

  kit.step("Enter answers nothing");
  await page.keyboard.press("Enter");
  await expect.text(heading, "Allow Cost Reports access?");
  expect(app.sent.length, "the number of answers").is(0);

  kit.step("she cancels");
  await press("Cancel");
  expect((await back(page)).get("error"), "the error").is("access_denied");

  kit.step("she allows it");
  await begin(page, asking(given.verified, { scope: "costs:read alerts:write" }));
  await press("Allow");
  expect((await back(page)).get("code"), "the code").matches(/^cic_oac_/);

  kit.step("it isn't asked again");
  await begin(page, asking(given.verified, { scope: "costs:read" }));
  expect((await back(page)).get("code"), "the code").matches(/^cic_oac_/);

  kit.step("who signs in with a password is led back as well");
  const password = "one two three four five";
  await page.goto("/sessions");
  await page.getByLabel("New password").fill(password);
  await page.getByLabel("The same again").fill(password);
  await press("Save password");
  const anew = await kit.page({ origin: given.portal, also: app.origins });
  await begin(anew, asking(given.verified, { scope: "costs:read" }));
  await anew.getByLabel("E-mail address").fill("ada@example.com");
  await anew.getByLabel("Password").fill(password);
  await anew.getByRole("button", { name: "Sign in", exact: true }).click();
  expect((await back(anew)).get("code"), "the code").matches(/^cic_oac_/);

  kit.step("an application that nobody vouches for asks each time");
  for (const round of [1, 2]) {
    await begin(page, asking(given.unknown));
    await expect.visible(page.getByText("Nobody here vouches for this application."));
    if (round === 1) await kit.check(page, "consent-unverified");
    await press("Allow");
    expect((await back(page)).has("code"), "whether there is a code").is(true);
  }

  kit.step("an app that opens links of its own asks");
  // The browser asks in its own words then whether to open it, which is nothing to answer here: this page is left at that.
  const pocket = await kit.page({ origin: given.portal, also: ["com.example.costs:/cb"] });
  await pocket.context().addCookies(await page.context().cookies());
  await pocket.goto(asking(given.app, { redirect_uri: "com.example.costs:/cb" }));
  await expect.visible(pocket.getByText("the app that opens com.example.costs: links"));
  await kit.check(pocket, "consent-app");
  await pocket.getByRole("button", { name: "Allow", exact: true }).click();
  await expect.text(pocket.getByRole("heading", { level: 1 }), "Back to the application");
  const place = await pocket.getByRole("link", { name: "Go on to the application" }).getAttribute("href");
  expect(place, "where the link leads").matches(/^com\.example\.costs:\/cb\?code=cic_oac_/);
  await kit.check(pocket, "back");

  kit.step("a request that can't be trusted goes nowhere");
  const stopped = await page.goto(asking(given.verified, { redirect_uri: "https://evil.example/" }));
  expect(stopped.status(), "the status").is(400);
  await kit.check(page, "astray");
  const stranger = await kit.page({ origin: given.portal });
  await stranger.goto(asking("app_00000000000000000000000000"));
  await kit.check(stranger, "astray-stranger");

  kit.step("what is wrong otherwise is told to the application");
  await begin(page, asking(given.verified, { scope: "moon:paint" }));
  expect((await back(page)).get("error"), "the error").is("invalid_scope");

  kit.step("a viewer can't let anything in");
  const viewer = await kit.page({ origin: given.portal, also: app.origins, scripts: false, width: 360, theme: "dark" });
  await viewer.goto(given.viewer);
  await viewer.goto(asking(given.verified));
  await kit.check(viewer, "consent-viewer");
  await viewer.getByRole("button", { name: "Back to Cost Reports" }).click();
  expect((await back(viewer)).get("error"), "the error").is("access_denied");

  kit.step("somebody else answers");
  const shared = await kit.page({ origin: given.portal, also: app.origins });
  await shared.goto(given.developer);
  await shared.goto(asking(given.verified, { scope: "costs:read" }));
  await shared.getByRole("button", { name: "Not you? Sign out" }).click();
  await expect.visible(shared.getByRole("heading", { name: "Sign in" }));
  expect(shared.url(), "the place").contains("next=%2Foauth%2Fcicosts%2Fauthorize%3F");

  kit.step("connected apps are listed, and one is withdrawn");
  await page.goto("/connected-apps");
  await kit.check(page, "connected");
  await page.getByRole("link", { name: "Withdraw Cost Reports, ada@example.com" }).click();
  await kit.check(page, "withdraw");
  await press("Withdraw access");
  await expect.visible(page.getByText("The access is withdrawn."));
  await kit.check(page, "withdrawn");
  await begin(page, asking(given.verified, { scope: "costs:read" }));
  await expect.text(heading, "Allow Cost Reports access?");
  await viewer.goto("/connected-apps");
  await kit.check(viewer, "connected-none");

  kit.step("without scripts it is the same");
  const plain = await kit.page({ origin: given.portal, also: app.origins, scripts: false });
  await plain.context().addCookies(await page.context().cookies());
  await plain.goto(asking(given.verified, { scope: "costs:read" }));
  await plain.getByRole("button", { name: "Allow" }).click();
  expect((await back(plain)).has("code"), "whether there is a code").is(true);

  await operators({ given, kit, expect });
  app.close();
}

/** The operators' pages of applications. */
async function operators({ given, kit, expect }) {
  const page = await kit.page({ origin: given.control });
  const press = (name) => page.getByRole("button", { name, exact: true }).click();
  const heading = page.getByRole("heading", { level: 1 });

  kit.step("an operator registers an application");
  await page.goto("/sign-in");
  await page.getByLabel("Operator key").fill(given.operator_key);
  await press("Sign in");
  await page.getByRole("link", { name: "Applications" }).click();
  await kit.check(page, "applications");
  await page.getByRole("link", { name: "Register" }).click();
  await kit.check(page, "register");
  await page.getByLabel("Name").fill("Invoices");
  await page.getByLabel("Confidential").check();
  await page.getByLabel("Redirect URIs").fill("http://app.example.com/cb");
  await page.getByLabel("alerts:read").check();
  await press("Register");
  await expect.visible(page.getByText("One thing needs your attention"));
  await kit.check(page, "register-error");
  expect(await page.getByLabel("Only these", { exact: true }).isChecked(), "whether only some are chosen").is(true);
  await page.getByLabel("Redirect URIs").fill("https://app.example.com/cb\nhttp://127.0.0.1/cb");
  await press("Register");
  await expect.text(heading, "The secret of Invoices");
  await kit.check(page, "secret");
  await page.getByLabel("I have stored this secret").check();
  await page.getByRole("link", { name: "Go to Invoices" }).click();
  await kit.check(page, "application");

  kit.step("it is changed, and gets a new secret");
  await page.getByRole("link", { name: "Change…" }).click();
  await kit.check(page, "change");
  await page.getByLabel("Verified").check();
  await press("Save");
  await expect.visible(page.getByText("Saved."));
  await page.getByRole("link", { name: "Rotate…" }).click();
  await kit.check(page, "rotate");
  await press("Make a new secret");
  await expect.visible(page.getByText("The secret before works until"));
  await page.getByLabel("I have stored this secret").check();
  await page.getByRole("link", { name: "Go to Invoices" }).click();

  kit.step("it is revoked");
  await page.getByRole("link", { name: "Revoke…" }).click();
  await kit.check(page, "revoke");
  await page.getByLabel("Type Invoices to confirm").fill("Invoices");
  await press("Revoke application");
  await expect.visible(page.getByText("The application is revoked."));
  await kit.check(page, "revoked");
}
