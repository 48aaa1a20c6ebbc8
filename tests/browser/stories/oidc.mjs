// Somebody who is a member of two accounts signs in at their company's provider.

export async function story({ given, kit, expect }) {
  kit.step("the provider is chosen");
  const page = await kit.page({ origin: given.portal, also: [given.issuer] });
  await page.goto("/sign-in");
  await kit.check(page, "sign-in");
  await page.getByRole("link", { name: "Continue with single sign-on" }).click();
  await expect.title(page, "Provider");

  kit.step("they go away, and read that nothing happened");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect.visible(page.getByText("The sign-in was cancelled"));
  await kit.check(page, "cancelled");

  kit.step("they sign in there, and choose an account here");
  await page.goto("/sign-in");
  await page.getByRole("link", { name: "Continue with single sign-on" }).click();
  await page.getByLabel("Name").fill("ada");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect.text(page.getByRole("heading", { level: 1 }), "Choose an account");
  await kit.check(page, "accounts");
  await page.getByRole("link", { name: "Umbrella" }).click();
  await expect.at(page, "/keys");

  kit.step("somebody comes who was not invited");
  const stranger = await kit.page({ origin: given.portal, also: [given.issuer], scripts: false });
  await stranger.goto("/sign-in/oidc/example");
  await stranger.getByLabel("Name").fill("mallory");
  await stranger.getByRole("button", { name: "Continue" }).click();
  await expect.visible(stranger.getByText("mallory@example.com is no member of an account here"));
}
