// A member is sent here by an application, signs in, and allows it what it asks for.

export async function story({ given, kit, expect }) {
  kit.step("a member signs in");
  const back = new URL(new URL(given.authorize).searchParams.get("redirect_uri")).origin;
  const page = await kit.page({ origin: given.portal, also: [back] });
  await page.goto(given.link);
  await expect.at(page, "/keys");

  kit.step("the application asks");
  await page.goto(given.authorize);
  await expect.visible(page.getByRole("heading", { name: given.application }));
  await kit.check(page, "asked");

  kit.step("it is allowed");
  await page.getByRole("button", { name: "Allow" }).click();
  await expect.visible(page.getByText("Back at the application"));
}
