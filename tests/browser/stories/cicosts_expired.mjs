// The day after a CICosts key expired: the list says so, and so does the page for keys that don't work.

import { cellOf, rowOf } from "../table.mjs";

export async function story({ given, kit, expect }) {
  kit.step("Which keys are active");
  const page = await kit.page({ origin: given.portal });
  await page.goto(given.developer);
  await expect.text(await cellOf(page, "Reporting", "Status"), /^Expired/);
  await expect.count(rowOf(page, "Reporting").getByRole("link", { name: "Rotate" }), 0);
  await kit.check(page, "list");

  kit.step("Expired Key: generate a new key");
  await page.getByRole("link", { name: "Key not working?" }).click();
  await page.getByLabel("Key", { exact: true }).fill(given.key);
  await page.getByRole("button", { name: "Check key" }).click();
  await expect.visible(page.getByRole("heading", { name: /^This key expired on / }));
  await expect.visible(page.getByText("Create a new key, or give this one a later expiry."));
  await kit.check(page, "check");
}
