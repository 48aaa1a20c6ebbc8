// Example API's text, step by step: "Obtaining an API Key", "Token Types", "Best Practices", "Troubleshooting".

import { Program } from "../program.mjs";
import { cellOf, lookUntil, rowOf } from "../table.mjs";

const USER = "/v1/users/usr_123";

export async function story({ given, kit, expect }) {
  const program = new Program({ gateway: given.gateway, host: "api.example.com" });
  const status = async (key, path = USER, how = {}) => (await program.call(`Bearer ${key}`, path, how)).status;
  const page = await kit.page({ origin: given.portal });
  const heading = page.getByRole("heading", { level: 1 });
  const press = (name) => page.getByRole("button", { name, exact: true }).click();
  /** Copies what the page shows once, and leaves it. */
  const copyKey = async () => {
    await press("Copy key");
    await expect.visible(page.getByRole("button", { name: "Copied" }));
    const key = await kit.copied(page);
    await page.getByRole("link", { name: "Done" }).click();
    await expect.at(page, "/keys");
    return key;
  };

  kit.step("Log in to your account, navigate to Settings > API Keys");
  await page.goto(given.developer);
  await expect.text(page.getByRole("list", { name: "Place" }), /Settings\s+API Keys/);

  kit.step("Rotate API keys every 90 days: the page says which are due");
  await expect.visible(page.getByText("1 key is due for rotation."));
  await expect.text(await cellOf(page, "Old Worker", "Status"), /Rotation due/);
  await kit.check(page, "due");

  kit.step('Click "Create New API Key"');
  await page.getByRole("link", { name: "Create New API Key" }).click();
  await expect.text(heading, "Create New API Key");

  kit.step("Test keys: no charges are made, data is not persisted. Live keys: real data, additional monitoring");
  const group = page.getByRole("group", { name: "Environment" });
  await expect.text(group, /Live\s+Real data, secured with additional monitoring\./);
  await expect.text(group, /Test\s+No charges are made, data is not persisted\./);
  await expect.visible(page.getByText("Advanced options"));
  await kit.check(page, "create");

  kit.step("Give your key a descriptive name, copy and securely store your API key");
  await page.getByLabel("Name").fill("Production Server");
  await press("Create");
  await expect.text(heading, "Production Server is ready");

  kit.step("Store API keys in environment variables");
  const panel = (name) => page.getByRole("group", { name: "Example in" }).getByText(name, { exact: true });
  const code = async () => (await page.locator("pre:visible").innerText()).trim();
  await panel(".env").click();
  const dotenv = await code();
  await panel("JavaScript").click();
  expect(await code(), "the snippet").contains("const apiKey = process.env.API_KEY;");
  await panel("Python").click();
  expect(await code(), "the snippet").contains("api_key = os.environ.get('API_KEY')");
  expect(await code(), "the snippet").contains("import os\n");
  await kit.check(page, "snippets");
  const live = await copyKey();
  expect(live, "the key").matches(/^sk_live_[A-Za-z0-9]{24}$/);
  expect(dotenv, "the snippet").is(`API_KEY=${live}`);

  kit.step("API keys provide full access to your account");
  await expect.text(await cellOf(page, "Production Server", "Permissions"), "All");
  for (const [method, path, right] of [["GET", USER, 200], ["DELETE", USER, 200], ["POST", "/v1/charges", 201]]) {
    expect(await status(live, path, { method }), `the status of ${method} ${path}`).is(right);
  }

  kit.step("a test key");
  await page.getByRole("link", { name: "Create New API Key" }).click();
  await page.getByLabel("Name").fill("Development");
  await page.getByRole("radio", { name: /Test/ }).check();
  await press("Create");
  const test = await copyKey();
  expect(test, "the key").matches(/^sk_test_[A-Za-z0-9]{24}$/);
  await expect.text(await cellOf(page, "Development", "Environment"), "Test");
  await expect.text(await cellOf(page, "Production Server", "Environment"), "Live");
  expect(await status(test), "the status").is(200);

  kit.step("Use key restrictions: IP address, referrer URL, specific API endpoints");
  await page.getByRole("link", { name: "Create New API Key" }).click();
  await page.getByText("Advanced options").click();
  await expect.visible(page.getByText("A key gives full access to the account unless it is restricted here."));
  await page.getByLabel("Name").fill("Office");
  await page.getByLabel("Allowed networks").fill("the office");
  await page.getByLabel("Allowed endpoints").fill("GET /v1/users/**");
  await page.getByLabel("Try a request").fill("GET /v1/users/usr_123");
  await expect.visible(page.getByText("Allowed by GET /v1/users/**"));
  await page.getByLabel("Try a request").fill("DELETE /v1/users/usr_123");
  await expect.visible(page.getByText("Refused: no line matches"));
  await kit.check(page, "create-restricted");
  await press("Create");
  await expect.visible(page.getByRole("alert").getByText("Line 1, “the office”"));
  await expect.value(page.getByLabel("Allowed endpoints"), "GET /v1/users/**");
  await kit.check(page, "create-errors");
  await page.getByLabel("Allowed networks").fill("127.0.0.0/8");
  await press("Create");
  const office = await copyKey();
  expect(await status(office), "the status of what it may do").is(200);
  expect(await status(office, USER, { method: "DELETE" }), "the status of another method").is(403);
  expect(await status(office, "/v1/charges"), "the status of another endpoint").is(403);

  kit.step("the restrictions of a key are changed");
  await page.getByRole("link", { name: "Office", exact: true }).click();
  await page.getByRole("link", { name: "Edit" }).click();
  await kit.check(page, "edit");
  await page.getByLabel("Allowed networks").fill("203.0.113.0/24");
  await press("Save");
  await expect.visible(page.getByRole("listitem").getByText("203.0.113.0/24", { exact: true }).first());
  const refused = await program.call(`Bearer ${office}`, USER);
  expect(refused.status, "the status from another address").is(403);
  expect(JSON.parse(refused.body).error.message, "the message").is("API key doesn't have permission for this resource");
  await page.getByRole("link", { name: "Edit" }).click();
  await page.getByLabel("Allowed networks").fill("");
  await page.getByLabel("Allowed websites").fill("https://app.example.com");
  await page.getByLabel("Allowed endpoints").fill("");
  await press("Save");
  const from = (referer) => status(office, USER, { headers: { referer } });
  expect(await from("https://app.example.com/page"), "the status from its page").is(200);
  expect(await from("https://evil.example/"), "the status from another page").is(403);
  expect(await status(office), "the status from no page").is(403);

  kit.step("403 Forbidden: check your API key permissions in the dashboard");
  const detail = new URL(page.url()).pathname;
  await lookUntil(page, detail, async () => (await page.getByText("https://evil.example").count()) > 0 || (await page.getByText("No request with this key was denied.").count()) === 0);
  await expect.visible(page.getByRole("heading", { name: "Permissions" }));
  await expect.visible(page.getByRole("listitem").getByText("https://app.example.com", { exact: true }).first());
  await expect.visible(page.getByRole("heading", { name: "Recent denials" }));
  await kit.check(page, "denied");

  kit.step("two people change the same key");
  const second = await kit.page({ origin: given.portal });
  await second.goto(given.administrator);
  await second.goto(`${detail}/edit`);
  await page.goto(`${detail}/edit`);
  await page.getByLabel("Name").fill("Head office");
  await press("Save");
  await expect.at(page, `${detail}?done=saved`);
  await kit.check(page, "saved");
  await second.getByLabel("Name").fill("Branch office");
  await second.getByRole("button", { name: "Save" }).click();
  await expect.visible(second.getByText("This key was changed meanwhile by developer@example.com"));
  await expect.visible(second.getByText("Name: Head office"));
  await expect.value(second.getByLabel("Name"), "Branch office");
  await kit.check(second, "edit-conflict");
  await second.getByRole("button", { name: "Save" }).click();
  await expect.text(second.getByRole("heading", { level: 1 }), "Branch office");

  kit.step("Rotate API keys: both keys work until the old one ends");
  await page.goto("/keys");
  await rowOf(page, "Old Worker").getByRole("link", { name: "Rotate" }).click();
  await kit.check(page, "rotate");
  await press("Rotate key");
  await expect.text(heading, "Old Worker has a new key");
  await expect.visible(page.getByText("The key before works until"));
  await kit.check(page, "rotated");
  const renewed = await copyKey();
  expect([await status(given.old), await status(renewed)], "the status of the old and the new one").is([200, 200]);
  await expect.text(await cellOf(page, "Old Worker", "Status"), /^Active\s+Rotating/);
  await page.getByRole("link", { name: "Old Worker", exact: true }).click();
  await expect.visible(page.getByRole("heading", { name: "Rotation under way" }));
  await kit.check(page, "rotating");

  kit.step("Immediately rotate if a key is compromised");
  await page.getByRole("link", { name: "Rotate" }).click();
  await page.getByRole("radio", { name: /It leaked/ }).check();
  await press("Rotate key");
  await expect.visible(page.getByText("The key before is refused from now on."));
  const safe = await copyKey();
  const both = [await status(given.old), await status(renewed), await status(safe)];
  expect(both, "the statuses of the three").is([401, 401, 200]);

  kit.step("Key not working: check for typos in the key");
  const check = async (key, finding, name) => {
    await page.goto("/keys");
    await page.getByRole("link", { name: "Key not working?" }).click();
    await page.getByLabel("Key", { exact: true }).fill(key);
    await press("Check key");
    await expect.text(page.getByRole("main").getByRole("heading", { level: 2 }).first(), finding);
    expect(await page.content(), "the page").lacks(key);
    await kit.check(page, `check-${name}`);
  };
  await check(live.slice(0, -1), "This is not a whole key", "mistyped");
  await check(`sk_live_${"A".repeat(24)}`, "This account has no such key", "unknown");
  await check(live, "This key works", "works");

  kit.step("Key not working: ensure you're using the correct environment (test vs. live)");
  await check(test, "This key works", "test");
  await expect.visible(page.getByText("Environment", { exact: true }));
  await expect.visible(page.getByRole("definition").getByText("test", { exact: true }));

  kit.step("Key not working: verify the key hasn't been revoked");
  await check(renewed, /^This key was replaced by a rotation, and worked until/, "replaced");
  await page.goto("/keys");
  await rowOf(page, "Production Server").getByRole("link", { name: "Revoke" }).click();
  await page.getByLabel("Type Production Server to confirm").fill("Production Server");
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await expect.at(page, "/keys?done=revoked");
  expect([await status(live), await status(test)], "the status of the revoked and the other one").is([401, 200]);
  await check(live, /^This key was revoked on /, "revoked");

  kit.step("the same without scripts");
  const plain = await kit.page({ origin: given.portal, scripts: false });
  await plain.goto(given.plain);
  await plain.getByRole("link", { name: "Create New API Key" }).click();
  await plain.getByText("Advanced options").click();
  await plain.getByLabel("Name").fill("Staging");
  await plain.getByLabel("Allowed networks").fill("192.0.2.1");
  await plain.getByRole("button", { name: "Create" }).click();
  const staged = (await plain.getByText(/^sk_live_[A-Za-z0-9]{24}$/).first().innerText()).trim();
  expect(await status(staged), "the status").is(403);
  await kit.check(plain, "plain-shown-once");
  await plain.getByRole("link", { name: "Go to Staging" }).click();
  await plain.getByRole("link", { name: "Revoke" }).click();
  await plain.getByLabel("Type Staging to confirm").fill("Staging");
  await plain.getByRole("button", { name: "Revoke key" }).click();
  await expect.at(plain, "/keys?done=revoked");
  expect(await status(staged), "the status").is(401);
  program.close();
}
