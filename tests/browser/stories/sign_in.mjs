// Someone who isn't signed in meets the sign-in page, mistypes, and finds no other page.

export async function story({ given, kit, expect }) {
  kit.step("the first page is opened");
  const page = await kit.page({ origin: given.portal });
  await page.goto("/");
  await expect.at(page, "/sign-in");
  await expect.text(page.getByRole("heading", { level: 1 }), "Sign in");
  await kit.check(page, "sign-in");

  kit.step("a password is mistyped");
  await page.getByLabel("E-mail address").fill("ada@example.com");
  await page.getByLabel("Password").fill("not the password at all");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect.visible(page.getByText("The e-mail address or the password is wrong"));
  await expect.value(page.getByLabel("E-mail address"), "ada@example.com");
  await kit.check(page, "wrong-password");

  kit.step("the page is used without scripts");
  const plain = await kit.page({ origin: given.portal, scripts: false, width: 360, theme: "dark" });
  await plain.goto("/sign-in");
  await plain.getByLabel("E-mail address").fill("ada@example.com");
  await plain.getByLabel("Password").fill("not the password at all");
  await plain.getByRole("button", { name: "Sign in" }).click();
  await expect.visible(plain.getByText("The e-mail address or the password is wrong"));

  kit.step("a link is followed that doesn't work");
  const gone = await page.goto(`/link/${"x".repeat(43)}`);
  expect(gone.status(), "the status").is(410);
  await kit.check(page, "no-such-link");

  kit.step("a page is looked for that is not there");
  const absent = await page.goto("/nowhere");
  expect(absent.status(), "the status").is(404);
  await kit.check(page, "absent");

  kit.step("the first page is weighed");
  const { bytes } = await kit.weigh(page, "/sign-in");
  expect(bytes, "the bytes of the first page").isAtMost(60 * 1024);
}
