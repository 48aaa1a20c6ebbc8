// CashCat's text, step by step: "Generating API keys", "Key properties", "Revoking API keys", "Store keys securely".

import { Program } from "../program.mjs";
import { cellOf, columnsOf, lookUntil, rowOf } from "../table.mjs";

const BUDGETS = "/api/v1/budgets";

export async function story({ given, kit, expect }) {
  const program = new Program({ gateway: given.gateway, host: "api.cashcat.app" });
  const page = await kit.page({ origin: given.portal, timezone: "Asia/Tokyo" });

  kit.step("Navigate to Settings in your CashCat dashboard, go to the API Keys section");
  await page.goto(given.developer);
  await expect.at(page, "/keys");
  await expect.text(page.getByRole("list", { name: "Place" }), /Settings\s+API Keys/);
  await page.getByRole("navigation", { name: "Settings" }).getByRole("link", { name: "API Keys" }).click();
  await expect.visible(page.getByText("No API keys"));
  await kit.check(page, "empty");

  kit.step("Click Create New Key");
  await page.getByRole("main").getByRole("link", { name: "Create New Key" }).first().click();
  await expect.text(page.getByRole("heading", { level: 1 }), "Create New Key");
  await kit.check(page, "create");

  kit.step("Give your key a descriptive name");
  await page.getByLabel("Name").fill("Production Server");
  await page.getByRole("button", { name: "Create" }).click();
  await expect.text(page.getByRole("heading", { level: 1 }), "Production Server is ready");
  await kit.check(page, "shown-once");

  kit.step("Copy the generated key immediately");
  await page.getByRole("button", { name: "Copy key" }).click();
  await expect.visible(page.getByRole("button", { name: "Copied" }));
  const key = await kit.copied(page);
  expect(key, "what was copied").matches(/^cc_live_[A-Za-z0-9]{44}$/);
  const first = await program.call(`Bearer ${key}`, BUDGETS);
  expect(first.status, "the status of a request with the copied key").is(200);

  kit.step("Store API keys in environment variables");
  const panel = (name) => page.getByRole("group", { name: "Example in" }).getByText(name, { exact: true });
  await panel(".env").click();
  await expect.text(page.locator("pre:visible"), `CASHCAT_API_KEY=${key}`);
  await page.locator(".panel:visible").getByRole("button", { name: "Copy" }).click();
  await expect.visible(page.locator(".panel:visible").getByRole("button", { name: "Copied" }));
  expect(await kit.copied(page), "what was copied").is(`CASHCAT_API_KEY=${key}`);
  await panel("JavaScript").click();
  await expect.text(page.locator("pre:visible"), /^const apiKey = process\.env\.CASHCAT_API_KEY;\n/);
  await panel("curl").click();
  const curl = /^curl https:\/\/api\.cashcat\.app\/ \\\n\s+-H "Authorization: Bearer \$CASHCAT_API_KEY"$/;
  await expect.text(page.locator("pre:visible"), curl);

  kit.step("API keys are only shown once: reloading doesn't show it again, and makes no other one");
  await page.reload();
  await expect.visible(page.getByText("This key was created already"));
  expect(await page.content(), "the page").lacks(key.slice(15));
  await kit.check(page, "created-already");

  kit.step("you won't be able to view them again: on no other page, and not by going back");
  await page.goto("/keys/new");
  await page.getByLabel("Name").fill("Development");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("button", { name: "Copy key" }).click();
  await expect.visible(page.getByRole("button", { name: "Copied" }));
  const other = await kit.copied(page);
  await page.getByRole("link", { name: "Done" }).click();
  await expect.at(page, "/keys");
  // A browser that doesn't keep the page says that it would have to send the form again.
  await page.goBack().catch((error) => expect(error.message, "why").contains("ERR_CACHE_MISS"));
  await expect.text(page.locator("body"), new RegExp(`^(?![^]*${other.slice(15)})`));
  await page.goto("/keys");
  await page.getByRole("link", { name: "Development", exact: true }).click();
  await expect.text(page.getByRole("heading", { level: 1 }), "Development");
  const id = new URL(page.url()).pathname.split("/").pop();
  for (const path of ["/keys", `/keys/${id}`, `/keys/live?ids=${id}`, "/audit"]) {
    const answer = await page.request.get(path);
    const text = await answer.text();
    for (const secret of [key, other]) expect(text.includes(secret.slice(15)), `whether ${path} has a key`).is(false);
  }

  kit.step("Name, key prefix (the first 15 characters), created at, last used at");
  const used = await (async () => {
    let cell;
    await lookUntil(page, "/keys", async () => {
      cell = await cellOf(page, "Production Server", "Last used");
      return (await cell.innerText()) !== "Never";
    });
    return cell;
  })();
  for (const column of ["Name", "Key", "Created", "Last used"]) {
    expect(await columnsOf(page), "the columns").contains(column);
  }
  await expect.text(await cellOf(page, "Production Server", "Key"), `${key.slice(0, 15)}…`);
  await expect.text(await cellOf(page, "Development", "Key"), `${other.slice(0, 15)}…`);
  await expect.text(await cellOf(page, "Production Server", "Created"), /^\d\d? [A-Z][a-z]{2} 20\d\d$/);
  await expect.text(used, /just now|1 minute ago/);
  await expect.text(await cellOf(page, "Development", "Last used"), "Never");
  // The exact time, in the zone of whoever reads it.
  expect(await used.getByRole("time").getAttribute("title"), "the exact time").matches(/ at \d\d:\d\d:\d\d (GMT\+9|JST)$/);
  await kit.check(page, "list");

  kit.step("Find the key you want to revoke, click Revoke, confirm the action");
  await rowOf(page, "Production Server").getByRole("link", { name: "Revoke" }).click();
  const dialog = page.getByRole("dialog");
  await expect.visible(dialog);
  await expect.visible(dialog.getByText("This can't be undone"));
  await kit.check(page, "revoke");
  const confirm = dialog.getByRole("button", { name: "Revoke" });
  expect(await confirm.isDisabled(), "whether it can be confirmed without the name").is(true);
  await dialog.getByLabel("Type Production Server to confirm").fill("Production Server");
  await confirm.click();
  await expect.at(page, "/keys?done=revoked");
  await kit.check(page, "revoked");

  kit.step("Any applications using the revoked key will immediately lose access; other environments don't");
  const after = await program.call(`Bearer ${key}`, BUDGETS);
  expect(after.from, "the connection").is(first.from);
  expect([after.status, JSON.parse(after.body).error.message], "the answer").is([401, "Invalid API Key"]);
  expect((await program.call(`Bearer ${other}`, BUDGETS)).status, "the status for the other key").is(200);
  await expect.count(rowOf(page, "Production Server"), 0);
  await page.getByLabel("Show").selectOption("Revoked");
  await page.getByRole("button", { name: "Search" }).click();
  await expect.at(page, /state=revoked/);
  await expect.text(await cellOf(page, "Production Server", "Status"), /^Revoked\b/);
  await expect.count(rowOf(page, "Production Server").getByRole("link", { name: /Enable|Rotate|Revoke/ }), 0);

  kit.step("the same without scripts");
  const plain = await kit.page({ origin: given.portal, scripts: false, width: 360, theme: "dark" });
  await plain.goto(given.plain);
  await plain.getByRole("main").getByRole("link", { name: "Create New Key" }).first().click();
  await plain.getByLabel("Name").fill("Staging");
  await plain.getByRole("button", { name: "Create" }).click();
  await expect.visible(plain.getByText("It is not shown again"));
  const staged = (await plain.getByText(/^cc_live_[A-Za-z0-9]{44}$/).first().innerText()).trim();
  expect((await program.call(`Bearer ${staged}`, BUDGETS)).status, "the status").is(200);
  await plain.getByRole("link", { name: "Done" }).click();
  await plain.getByRole("link", { name: "Revoke Staging" }).click();
  await expect.text(plain.getByRole("heading", { level: 1 }), "Revoke Staging?");
  await plain.getByLabel("Type Staging to confirm").fill("Something else");
  await plain.getByRole("button", { name: "Revoke key" }).click();
  await expect.visible(plain.getByText("This is not its name. Nothing was changed."));
  await kit.check(plain, "plain-revoke-mistyped");
  expect((await program.call(`Bearer ${staged}`, BUDGETS)).status, "the status").is(200);
  await plain.getByLabel("Type Staging to confirm").fill("Staging");
  await plain.getByRole("button", { name: "Revoke key" }).click();
  await expect.at(plain, "/keys?done=revoked");
  expect((await program.call(`Bearer ${staged}`, BUDGETS)).status, "the status").is(401);
  program.close();
}
