// Somebody of support finds a customer's key by what the customer knows of it, looks at it, and ends it.

export async function story({ given, kit, expect }) {
  kit.step("an operator signs in");
  const page = await kit.page({ origin: given.control });
  await page.goto("/");
  await expect.at(page, "/sign-in");
  await kit.check(page, "sign-in");
  await page.getByLabel("Operator key").fill("not one");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect.visible(page.getByText("This is not an operator key"));
  await page.getByLabel("Operator key").fill(given.operator_key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect.at(page, "/accounts");
  await kit.check(page, "accounts");

  kit.step("a denied request is found");
  await page.getByRole("link", { name: "Find" }).click();
  await kit.check(page, "find");
  await page.getByRole("searchbox").fill(given.request);
  await page.getByRole("button", { name: "Search" }).click();
  await expect.visible(page.getByRole("heading", { name: "Denied" }));
  await kit.check(page, "found-request");
  await page.getByRole("link", { name: "network" }).click();
  await expect.text(page.getByRole("heading", { level: 1 }), "network");
  await kit.check(page, "explained");
  await page.goBack();
  await page.getByRole("searchbox").fill("nothing like this");
  await page.getByRole("button", { name: "Search" }).click();
  await expect.visible(page.getByText("Nothing is like this"));
  await kit.check(page, "found-nothing");

  kit.step("a member is found by their address");
  await page.getByRole("searchbox").fill("ada@example.com");
  await page.getByRole("button", { name: "Search" }).click();
  await expect.visible(page.getByRole("heading", { name: "Members" }));
  await kit.check(page, "found-member");
  await page.getByRole("link", { name: "ada@example.com" }).click();
  await expect.text(page.getByRole("heading", { level: 1 }), "ada@example.com");
  await kit.check(page, "member");
  await page.getByRole("link", { name: "Find" }).click();

  kit.step("a key is found by itself");
  await page.getByLabel("API key").fill(given.key);
  await page.getByRole("button", { name: "Find key" }).click();
  await expect.text(page.getByRole("heading", { level: 1 }), "Production");
  await kit.check(page, "key");

  kit.step("the key is revoked");
  await page.getByRole("link", { name: "Revoke" }).click();
  await kit.check(page, "revoke");
  await page.getByLabel("Type Production to confirm").fill("Production");
  await page.getByRole("button", { name: "Revoke key" }).click();
  await expect.visible(page.getByText("The key is revoked"));
  await kit.check(page, "revoked");

  kit.step("a customer is handed a sign-in link");
  await page.goto(`/accounts/${given.account}`);
  await kit.check(page, "account");
  await page.getByLabel("E-mail address").fill("grace@example.com");
  await page.getByRole("button", { name: "Make a sign-in link" }).click();
  await expect.visible(page.getByText("/link/"));
  await kit.check(page, "link");
  await page.getByLabel("I have passed it on").check();
  await page.getByRole("link", { name: "Done" }).click();

  kit.step("the account is suspended without scripts");
  const plain = await kit.page({ origin: given.control, scripts: false, width: 360, theme: "dark" });
  await plain.goto("/sign-in");
  await plain.getByLabel("Operator key").fill(given.operator_key);
  await plain.getByRole("button", { name: "Sign in" }).click();
  await plain.goto(`/accounts/${given.account}`);
  await plain.getByRole("link", { name: "Suspend…" }).click();
  await kit.check(plain, "suspend");
  await plain.getByLabel("Type Acme to confirm").fill("Acme");
  await plain.getByRole("button", { name: "Suspend account" }).click();
  await expect.visible(plain.getByText("The account is suspended"));

  for (const [path, name] of [["/apis", "apis"], ["/operators", "operators"], ["/nodes", "nodes"], ["/audit", "audit"]]) {
    kit.step(`the page ${name} is read`);
    await page.goto(path);
    await kit.check(page, name);
  }
  kit.step("every detail of the apis is opened");
  await page.goto("/apis");
  await page.getByText("Scopes and routes").click();
  await page.getByText("Answers", { exact: true }).click();
  await kit.check(page, "apis-open");

  kit.step("the chain is checked");
  await page.goto("/audit");
  await page.getByRole("button", { name: "Check the chain" }).click();
  await expect.visible(page.getByText("The chain holds"));
  await kit.check(page, "chain");
}
