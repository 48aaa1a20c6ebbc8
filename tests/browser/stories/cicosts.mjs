// CICosts' text, step by step: "Generating a Key", "Key Management", "Creating Scoped Keys", "Monitor Key Usage".

import { Program } from "../program.mjs";
import { cellOf, columnsOf, lookUntil, rowOf } from "../table.mjs";

const SCOPES = {
  "costs:read": "Read cost data",
  "workflows:read": "Read workflow data",
  "alerts:read": "Read alerts",
  "alerts:write": "Create/update/delete alerts",
  "webhooks:write": "Manage webhooks",
};
const OFFERED = [["GET", "/v1/costs"], ["GET", "/v1/workflows"], ["GET", "/v1/alerts"], ["DELETE", "/v1/alerts/1"], ["GET", "/v1/webhooks"]];

export async function story({ given, kit, expect }) {
  const program = new Program({ gateway: given.gateway, host: "api.cicosts.dev" });
  const ask = (key, method = "GET", path = "/v1/costs") => program.call(`Bearer ${key}`, path, { method });
  const allowed = async (key) => {
    const answers = await Promise.all(OFFERED.map(([method, path]) => ask(key, method, path)));
    return answers.map(({ status }) => status);
  };
  const page = await kit.page({ origin: given.portal });
  const press = (name) => page.getByRole("button", { name, exact: true }).click();
  const copyKey = async () => {
    await press("Copy key");
    await expect.visible(page.getByRole("button", { name: "Copied" }));
    const key = await kit.copied(page);
    await page.getByRole("link", { name: "Done" }).click();
    await expect.at(page, "/keys");
    return key;
  };

  kit.step("Go to Settings → API");
  await page.goto(given.developer);
  await expect.text(page.getByRole("list", { name: "Place" }), /Settings\s+API/);
  await page.getByRole("navigation", { name: "Settings" }).getByRole("link", { name: "API", exact: true }).click();
  await expect.at(page, "/keys");

  kit.step("Click Generate API Key, give it a descriptive name, click Create");
  await page.getByRole("link", { name: "Generate API Key" }).first().click();
  await page.getByLabel("Name").fill("Dashboard");
  await expect.hidden(page.getByText("Read cost data"));
  await kit.check(page, "create");
  await press("Create");

  kit.step("Copy the key immediately: it's only shown once");
  await expect.visible(page.getByText("It is not shown again"));
  const panel = (name) => page.getByRole("group", { name: "Example in" }).getByText(name, { exact: true });
  await panel("Shell").click();
  const shell = (await page.locator("pre:visible").innerText()).trim();
  await panel("curl").click();
  await expect.text(page.locator("pre:visible"), /^curl https:\/\/api\.cicosts\.dev\/ \\\n\s+-H "Authorization: Bearer \$CICOSTS_API_KEY"$/);
  const key = await copyKey();
  expect(key, "the key").matches(/^cic_live_[A-Za-z0-9]{28}$/);
  expect(shell, "the snippet").is(`export CICOSTS_API_KEY=${key}`);
  expect(await allowed(key), "what a key without permissions of its own may do").is([200, 200, 200, 200, 200]);

  kit.step("Key name, created date, last used, permissions; the actual key value is not shown after creation");
  for (const column of ["Name", "Created", "Last used", "Permissions"]) {
    expect(await columnsOf(page), "the columns").contains(column);
  }
  await lookUntil(page, "/keys", async () => (await (await cellOf(page, "Dashboard", "Last used")).innerText()) !== "Never");
  await expect.text(await cellOf(page, "Dashboard", "Permissions"), "All");
  await expect.text(await cellOf(page, "Dashboard", "Created"), /^\d\d? [A-Z][a-z]{2} 20\d\d$/);
  expect((await page.content()).includes(key.slice(9)), "whether the list has the key").is(false);

  kit.step("Click Advanced Options, select only needed permissions, create the key");
  await page.getByRole("link", { name: "Generate API Key" }).click();
  await page.getByText("Advanced Options").click();
  for (const [scope, text] of Object.entries(SCOPES)) {
    await expect.visible(page.getByRole("checkbox", { name: `${scope} ${text}` }));
  }
  await kit.check(page, "advanced");
  await page.getByLabel("Name").fill("Alerting");
  await page.getByRole("radio", { name: "Only these" }).check();
  await press("Create");
  await expect.visible(page.getByRole("alert").getByText("Tick at least one permission"));
  await kit.check(page, "nothing-ticked");
  await page.getByRole("checkbox", { name: "alerts:write" }).check();
  await press("Create");
  const alerting = await copyKey();
  expect(await allowed(alerting), "what alerts:write may do").is([403, 403, 403, 200, 403]);
  const refused = JSON.parse((await ask(alerting)).body).error.message;
  expect(refused, "the message").is("This API key does not have permission for this action");
  await expect.text(await cellOf(page, "Alerting", "Permissions"), "alerts:write");

  kit.step("a reporting integration only needs costs:read, and for a week");
  await page.getByRole("link", { name: "Generate API Key" }).click();
  await page.getByText("Advanced Options").click();
  await page.getByLabel("Name").fill("Reporting");
  await page.getByRole("radio", { name: "Only these" }).check();
  await page.getByRole("checkbox", { name: "costs:read" }).check();
  await page.getByRole("radio", { name: "In 7 days" }).check();
  await press("Create");
  const reporting = await copyKey();
  expect(await allowed(reporting), "what costs:read may do").is([200, 403, 403, 403, 403]);
  await expect.text(await cellOf(page, "Reporting", "Status"), /Expires\s+in 7 days/);

  kit.step("Rotate keys: create a new key, update your applications, revoke the old key");
  await page.getByRole("link", { name: "Generate API Key" }).click();
  await page.getByLabel("Name").fill("Dashboard, new");
  await press("Create");
  const renewed = await copyKey();
  expect([(await ask(key)).status, (await ask(renewed)).status], "the statuses of both").is([200, 200]);

  kit.step("Go to Settings → API, find the key, click Revoke, confirm");
  await page.getByRole("navigation", { name: "Settings" }).getByRole("link", { name: "API", exact: true }).click();
  await page.getByRole("searchbox").fill("Dashboard");
  await press("Search");
  await expect.at(page, /q=Dashboard/);
  await expect.count(rowOf(page, "Alerting"), 0);
  await rowOf(page, "Dashboard").getByRole("link", { name: "Revoke" }).click();
  await page.getByLabel("Type Dashboard to confirm").fill("Dashboard");
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await expect.at(page, "/keys?done=revoked");

  kit.step("Revoked keys stop working immediately");
  const ended = await ask(key);
  expect([ended.status, JSON.parse(ended.body).error.code], "the answer").is([401, "invalid_api_key"]);
  expect((await ask(renewed)).status, "the status of the new key").is(200);

  kit.step("Regularly review which keys are active, and when they were last used");
  await page.goto("/keys?sort=used");
  await expect.text(await cellOf(page, "Reporting", "Status"), /^Active/);
  await kit.check(page, "review");

  kit.step("the same without scripts");
  const plain = await kit.page({ origin: given.portal, scripts: false, width: 360 });
  await plain.goto(given.plain);
  await plain.getByRole("link", { name: "Generate API Key" }).click();
  await plain.getByText("Advanced Options").click();
  await plain.getByLabel("Name").fill("Nightly");
  await plain.getByRole("radio", { name: "Only these" }).check();
  await plain.getByRole("checkbox", { name: "webhooks:write" }).check();
  await kit.check(plain, "plain-advanced");
  await plain.getByRole("button", { name: "Create" }).click();
  const nightly = (await plain.getByText(/^cic_live_[A-Za-z0-9]{28}$/).first().innerText()).trim();
  expect(await allowed(nightly), "what webhooks:write may do").is([403, 403, 403, 403, 200]);
  await plain.getByRole("link", { name: "Done" }).click();
  await plain.getByRole("link", { name: "Revoke Nightly" }).click();
  await plain.getByLabel("Type Nightly to confirm").fill("Nightly");
  await plain.getByRole("button", { name: "Revoke key" }).click();
  await expect.at(plain, "/keys?done=revoked");
  expect((await ask(nightly)).status, "the status").is(401);
  program.close();
}
