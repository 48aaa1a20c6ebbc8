// A key is created and revoked by the keyboard alone, and copied where the clipboard can't be written.

export async function story({ given, kit, expect }) {
  const page = await kit.page({ origin: given.portal, clipboard: false });
  const key = (name) => page.keyboard.press(name);
  /** Goes on with Tab until `locator` has the focus. */
  const reach = async (locator, by = "Tab") => {
    for (let steps = 0; steps < 60; steps += 1) {
      if ((await locator.and(page.locator(":focus")).count()) === 1) return;
      await key(by);
    }
    await expect.focused(locator);
  };
  /** Whether what has the focus looks different from before. */
  const ring = () =>
    kit.evaluate(page, "(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle + s.outlineWidth + s.boxShadow; })()");

  kit.step("the first stop leads past the navigation");
  await page.goto(given.developer);
  await key("Tab");
  await expect.focused(page.getByRole("link", { name: "Skip to content" }));
  await key("Enter");
  await expect.focused(page.getByRole("main"));

  kit.step("a key is created");
  await reach(page.getByRole("main").getByRole("link", { name: "Create New Key" }).first());
  expect(await ring(), "the ring around the link").matches(/solid[1-9]/);
  await kit.screenshot(page, "keyboard-focus");
  await key("Enter");
  await expect.at(page, "/keys/new");
  await reach(page.getByLabel("Name"));
  await page.keyboard.type("By keyboard");
  await key("Enter");
  await expect.text(page.getByRole("heading", { level: 1 }), "By keyboard is ready");

  kit.step("the clipboard refuses: the key is selected instead");
  const copy = page.getByRole("button", { name: "Copy key" });
  await reach(copy);
  await key("Enter");
  await expect.visible(page.getByRole("button", { name: "Press Ctrl+C" }));
  const selected = await kit.evaluate(page, "getSelection().toString()");
  expect(selected, "what is selected").matches(/^cc_live_[A-Za-z0-9]{44}$/);
  await kit.check(page, "clipboard-refused");

  kit.step("every example can be reached");
  await reach(page.getByRole("radio", { name: "Shell" }));
  for (const name of [".env", "curl", "JavaScript", "Python"]) {
    await key("ArrowRight");
    await expect.focused(page.getByRole("radio", { name, exact: true }));
  }

  kit.step("it is said to be stored, and the page is left");
  await reach(page.getByLabel("I have stored this key"));
  await key("Space");
  await reach(page.getByRole("link", { name: "Done" }));
  await key("Enter");
  await expect.at(page, "/keys");

  kit.step("the dialog keeps the focus, and gives it back");
  const revoke = page.getByRole("link", { name: "Revoke By keyboard" });
  await reach(revoke);
  await key("Enter");
  const dialog = page.getByRole("dialog");
  await expect.visible(dialog);
  await expect.focused(dialog.getByLabel("Type By keyboard to confirm"));
  await key("Escape");
  await expect.hidden(dialog);
  await expect.focused(revoke);

  kit.step("the menu opens and closes");
  const more = page.getByLabel("More for By keyboard");
  await reach(more);
  await key("Enter");
  await expect.visible(page.getByRole("link", { name: "Edit" }));
  await key("Tab");
  await expect.focused(page.getByRole("link", { name: "Edit" }));
  await key("Escape");
  await expect.hidden(page.getByRole("link", { name: "Edit" }));
  await expect.focused(more);

  kit.step("the key is revoked");
  await reach(revoke, "Shift+Tab");
  await key("Enter");
  await expect.focused(dialog.getByLabel("Type By keyboard to confirm"));
  await page.keyboard.type("By keyboard");
  await reach(dialog.getByRole("button", { name: "Revoke" }));
  await key("Enter");
  await expect.at(page, "/keys?done=revoked");
  await expect.visible(page.getByText("The key is revoked."));
}
