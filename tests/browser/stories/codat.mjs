// Codat's text, step by step: "Managing keys", "Permissions", "Tips and traps".

import { Program } from "../program.mjs";
import { cellOf, columnsOf, rowOf } from "../table.mjs";

const COMPANIES = "/companies";
const encoded = (key) => `Basic ${Buffer.from(key).toString("base64")}`;

export async function story({ given, kit, expect }) {
  const program = new Program({ gateway: given.gateway, host: "api.codat.io" });
  const status = async (authorization) => (await program.call(authorization, COMPANIES)).status;
  const page = await kit.page({ origin: given.portal });
  const heading = page.getByRole("heading", { level: 1 });
  const press = (name) => page.getByRole("button", { name, exact: true }).click();
  const copied = async (name) => {
    const button = page.getByRole("button", { name, exact: true });
    await button.click();
    await expect.hidden(button);
    return kit.copied(page);
  };

  kit.step("Click Developers > API keys to navigate to the API keys page");
  await page.goto(given.developer);
  await expect.text(page.getByRole("list", { name: "Place" }), /Developers\s+API keys/);
  await page.getByRole("navigation", { name: "Developers" }).getByRole("link", { name: "API keys" }).click();

  kit.step("Your first API key is created for you");
  expect(await columnsOf(page), "the columns").contains("Authorization header");
  await expect.text(await cellOf(page, "First key", "Status"), "Active");
  await expect.text(await cellOf(page, "First key", "Authorization header"), /^Basic •+/);
  await kit.check(page, "first-key");

  kit.step("Copy your API key or authorization header from the relevant table column");
  await rowOf(page, "First key").getByRole("button", { name: "Show the key First key" }).click();
  await expect.visible(page.getByText("That you looked at this key is on the audit trail."));
  await kit.check(page, "seen-again");
  const first = await copied("Copy key");
  expect(first, "the key").matches(/^[A-Za-z0-9]{40}$/);
  await page.getByRole("link", { name: "Done" }).click();
  await rowOf(page, "First key").getByRole("button", { name: "Show the header of First key" }).click();
  const header = await copied("Copy header");
  expect(header, "the header").is(encoded(first));
  expect([await status(header), await status(first)], "the status with the header and without").is([200, 401]);

  kit.step("it can be left without being asked, and is gone from the page behind");
  await page.getByRole("link", { name: "Done" }).click();
  await expect.at(page, "/keys");
  const listed = await page.content();
  expect(listed.includes(first) || listed.includes(header), "whether the list has the key").is(false);

  kit.step("create new keys: you'll be asked to name them");
  await page.getByRole("link", { name: "Create API key" }).click();
  await expect.visible(page.getByLabel("Name"));
  await page.getByLabel("Name").fill("n".repeat(51));
  await press("Create");
  await expect.visible(page.getByText(/50/).first());
  await kit.check(page, "name-too-long");
  await page.getByLabel("Name").fill("Month end");
  await press("Create");
  await expect.text(heading, "Month end is ready");
  await kit.check(page, "created");
  const second = await copied("Copy key");
  expect(await copied("Copy header"), "the header").is(encoded(second));
  expect(await status(encoded(second)), "the status").is(200);
  await page.getByRole("link", { name: "Go to Month end" }).click();

  kit.step("at any later time, also on the key's own page");
  await press("Show key");
  expect(await copied("Copy key"), "the key").is(second);

  kit.step("revoke (delete) existing API keys");
  await page.goto("/keys");
  await rowOf(page, "First key").getByRole("link", { name: "Delete" }).click();
  await page.getByLabel("Type First key to confirm").fill("First key");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect.at(page, "/keys?done=revoked");
  expect([await status(encoded(first)), await status(encoded(second))], "the statuses").is([401, 200]);

  kit.step("It is not possible to delete the last remaining API key");
  await page.goto("/keys");
  await rowOf(page, "Month end").getByRole("link", { name: "Delete" }).click();
  await page.getByLabel("Type Month end to confirm").fill("Month end");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect.visible(page.getByRole("alert"));
  await expect.text(page.getByRole("alert"), /last/);
  await kit.check(page, "last-key");
  expect(await status(encoded(second)), "the status").is(200);

  kit.step("The number of API keys is limited to 10");
  for (let number = 2; number <= 10; number += 1) {
    await page.goto("/keys/new");
    await page.getByLabel("Name").fill(`Key ${number}`);
    await press("Create");
    await expect.text(heading, `Key ${number} is ready`);
  }
  await page.goto("/keys");
  await expect.visible(page.getByText("This account has 10 keys, as many as it may have."));
  await expect.count(page.getByRole("link", { name: "Create API key" }), 0);
  await kit.check(page, "ten-keys");
  await page.goto("/keys/new");
  await expect.visible(page.getByRole("alert"));
  await expect.count(page.getByLabel("Name"), 0);
  await kit.check(page, "eleventh-key");

  kit.step("every look at a key is on the audit trail");
  await page.goto("/audit");
  await expect.count(page.getByRole("listitem").filter({ hasText: /developer@example\.com.*First key/ }).first(), 1);
  await kit.check(page, "audit");

  kit.step("Authorization headers and API keys can only be viewed by Administrator or Developer users");
  const viewer = await kit.page({ origin: given.portal });
  await viewer.goto(given.viewer);
  await expect.visible(viewer.getByText("Your role doesn't include API keys"));
  await expect.visible(viewer.getByText("administrators and developers can see the keys"));
  for (const nothing of ["Month end", "Key 2", "Basic", "Create API key", "Delete", "Show"]) {
    await expect.count(viewer.getByRole("main").getByText(nothing), 0);
  }
  await kit.check(viewer, "viewer");
  const administrator = await kit.page({ origin: given.portal });
  await administrator.goto(given.administrator);
  await administrator.getByRole("button", { name: "Show the header of Month end" }).click();
  await expect.visible(administrator.getByText(encoded(second)));
  await expect.visible(administrator.getByText(second, { exact: true }).first());

  kit.step("the same without scripts");
  const plain = await kit.page({ origin: given.portal, scripts: false });
  await plain.goto(given.plain);
  await plain.getByRole("link", { name: "Delete Key 10" }).click();
  await plain.getByLabel("Type Key 10 to confirm").fill("Key 10");
  await plain.getByRole("button", { name: "Delete key" }).click();
  await expect.at(plain, "/keys?done=revoked");
  await plain.getByRole("link", { name: "Create API key" }).click();
  await plain.getByLabel("Name").fill("Batch");
  await plain.getByRole("button", { name: "Create" }).click();
  const shown = (await plain.getByText(/^Basic [A-Za-z0-9+/]+=*$/).first().innerText()).trim();
  expect(await status(shown), "the status").is(200);
  program.close();
}
