// A story that fails where it is told to: its own test reads how it says so.

export async function story({ given, kit, expect }) {
  const page = await kit.page({ origin: "http://127.0.0.1" });
  kit.step("the wrong title is expected");
  await page.setContent("<title>A page</title><p>Text");
  expect(await page.title(), "the title").is(given.title);
}
