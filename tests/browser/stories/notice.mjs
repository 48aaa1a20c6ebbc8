// The portal of a server on which nobody signs in: one page that says who manages the keys.

export async function story({ given, kit, expect }) {
  kit.step("the notice is read");
  const page = await kit.page({ origin: given.portal });
  const answer = await page.goto("/");
  expect(answer.status(), "the status").is(200);
  await expect.title(page, "API keys");
  await expect.text(page.getByRole("heading", { level: 1 }), "API keys");
  await kit.check(page, "notice");

  kit.step("the notice is read without scripts");
  const plain = await kit.page({ origin: given.portal, scripts: false, width: 360, theme: "dark" });
  await plain.goto("/");
  await expect.visible(plain.getByText("Ask them for yours"));
  await kit.check(plain, "notice-without-scripts");

  kit.step("a page is looked for that is not there");
  const absent = await page.goto("/nowhere");
  expect(absent.status(), "the status").is(404);
  await kit.check(page, "absent");

  kit.step("the notice is weighed");
  const { bytes, requests } = await kit.weigh(page, "/");
  expect(requests, "the number of requests").is(1);
  expect(bytes, "the bytes of the first page").isAtMost(60 * 1024);
}
