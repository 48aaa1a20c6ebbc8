// Every page of the portal that the contracts' stories don't come by, and every one of those that people meet when
// something went wrong.

export async function story({ given, kit, expect }) {
  const page = await kit.page({ origin: given.portal, timezone: "America/New_York" });
  const heading = (there = page) => there.getByRole("heading", { level: 1 });
  const press = (name) => page.getByRole("button", { name, exact: true }).click();
  const tab = (name) => page.getByRole("navigation", { name: "Settings" }).getByRole("link", { name }).click();

  kit.step("whose keys? is asked where there are several apis");
  await page.goto("/");
  await expect.visible(page.getByText("Whose API keys do you want to manage?"));
  await kit.check(page, "choose-api");
  await page.getByRole("link", { name: "Example API" }).click();
  await kit.check(page, "sign-in");

  kit.step("a link signs in once");
  await page.goto(given.administrator);
  await expect.at(page, "/keys");
  const late = await kit.page({ origin: given.portal });
  expect((await late.goto(given.administrator)).status(), "the status of a link that was used").is(410);
  await kit.check(late, "link-used");

  kit.step("sixty keys are on three pages");
  await expect.visible(page.getByText("1–25 of 60"));
  await kit.check(page, "keys");
  await page.getByRole("link", { name: "Next" }).click();
  await expect.visible(page.getByText("26–50 of 60"));
  await page.getByRole("link", { name: "Next" }).click();
  await expect.visible(page.getByText("51–60 of 60"));
  await kit.check(page, "keys-last-page");
  await page.getByRole("searchbox").fill("nothing is called this");
  await press("Search");
  await expect.visible(page.getByText("No key matches “nothing is called this”"));
  await kit.check(page, "keys-no-match");

  kit.step("a key is disabled from its menu");
  const { bytes } = await kit.weigh(page, "/keys");
  expect(bytes, "the bytes of a first list of 25 keys").isAtMost(60 * 1024);
  console.log(`a first list of 25 keys weighs ${bytes} bytes`);
  await page.goto("/keys?q=Worker+07");
  await page.getByLabel("More for Worker 07").click();
  await expect.visible(page.getByRole("button", { name: "Disable" }));
  await kit.check(page, "keys-menu");
  await press("Disable");
  await expect.visible(page.getByText("The key is disabled until you enable it again."));
  await expect.text(heading(), "Worker 07");
  await kit.check(page, "disabled");

  kit.step("a revoked key can't be rotated, and says so");
  const ended = await page.goto(`/keys/${given.revoked}/rotate`);
  expect(ended.status(), "the status").is(409);
  await kit.check(page, "rotate-revoked");
  await page.goto(`/keys/${given.revoked}`);
  await expect.visible(page.getByText("This key was revoked on"));
  await kit.check(page, "revoked");
  await page.goto(`/keys/${given.revoked}/revoke`);
  await expect.visible(page.getByText("This key was revoked already"));
  await kit.check(page, "revoke-again");

  const check = async (key, finding, name) => {
    kit.step(`a key is pasted: ${name}`);
    await tab("Key not working?");
    await page.getByLabel("Key", { exact: true }).fill(key);
    await press("Check key");
    await expect.text(page.getByRole("main").getByRole("heading", { level: 2 }).first(), finding);
    expect((await page.content()).includes(key), "whether the page shows the key").is(false);
    await kit.check(page, `check-${name}`);
  };
  await tab("Key not working?");
  await kit.check(page, "check");
  await check(given.operator_key, "This is an operator key", "operator");
  await check(given.disabled_key, "This key is disabled", "disabled");
  await check(given.ending_key, /^This key works until /, "ending");

  kit.step("a whole key in the search leaves the address bar");
  await page.goto("/keys");
  await page.getByRole("searchbox").fill(given.disabled_key);
  await press("Search");
  await expect.at(page, "/keys/check?pasted=search");
  await kit.check(page, "check-pasted");

  kit.step("somebody is invited");
  await tab("Members");
  await kit.check(page, "members");
  await page.getByLabel("E-mail address").fill("administrator@example.com");
  await press("Invite");
  await expect.visible(page.getByText("has a member with this address already"));
  await kit.check(page, "members-error");
  await page.getByLabel("E-mail address").fill("grace@example.com");
  await page.getByLabel("Role", { exact: true }).selectOption("Developer");
  await press("Invite");
  await expect.text(heading(), "Hand this link to grace@example.com");
  await kit.check(page, "invited");
  await press("Copy link");
  await expect.visible(page.getByRole("button", { name: "Copied" }));
  const invitation = await kit.copied(page);
  await page.getByRole("link", { name: "Done" }).click();

  kit.step("she chooses a password");
  const grace = await kit.page({ origin: given.portal, timezone: "Asia/Kolkata" });
  await grace.goto(invitation);
  await kit.check(grace, "invitation");
  await grace.getByLabel("New password").fill("short");
  await grace.getByLabel("The same again").fill("short");
  await grace.getByRole("button", { name: "Accept and sign in" }).click();
  await expect.visible(grace.getByText(/15 characters/).last());
  await kit.check(grace, "invitation-error");
  const password = "a cat on a warm roof";
  await grace.getByLabel("New password").fill(password);
  await grace.getByLabel("The same again").fill(password);
  await grace.getByRole("button", { name: "Accept and sign in" }).click();
  await expect.at(grace, "/keys");

  kit.step("she signs out, and in by her password");
  await grace.getByRole("button", { name: "Sign out" }).click();
  await expect.at(grace, /^\/sign-in/);
  await kit.check(grace, "signed-out");
  await grace.goto("/sign-in/example");
  await grace.getByLabel("E-mail address").fill("grace@example.com");
  await grace.getByLabel("Password").fill(password);
  await grace.getByRole("button", { name: "Sign in" }).click();
  await expect.at(grace, "/keys");

  kit.step("she sees where she is signed in");
  await grace.getByRole("link", { name: "Sign-ins" }).click();
  await expect.visible(grace.getByText("This browser"));
  await kit.check(grace, "sessions");
  await grace.getByLabel("Current password").fill("not this one at all");
  await grace.getByLabel("New password").fill("another long password");
  await grace.getByLabel("The same again").fill("another long password");
  await grace.getByRole("button", { name: "Change password" }).click();
  await expect.visible(grace.locator("[aria-invalid=true]"));
  await kit.check(grace, "sessions-error");

  kit.step("a forgotten password is chosen anew");
  const anew = await kit.page({ origin: given.portal });
  await anew.goto(given.password_link);
  await kit.check(anew, "password");

  kit.step("her role is changed, and she reads why a page is closed");
  await tab("Members");
  await page.getByLabel("Role of grace@example.com", { exact: true }).selectOption("Viewer");
  await page.getByRole("button", { name: "Save the role of grace@example.com" }).click();
  await expect.at(page, "/members?done=role");
  await kit.check(page, "role-changed");
  await grace.goto("/keys/new");
  await expect.at(grace, /^\/sign-in\?done=session-over/);
  await grace.goto("/sign-in/example");
  await grace.getByLabel("E-mail address").fill("grace@example.com");
  await grace.getByLabel("Password").fill(password);
  await grace.getByRole("button", { name: "Sign in" }).click();
  await expect.at(grace, "/keys");
  const closed = await grace.goto("/keys/new");
  expect(closed.status(), "the status").is(403);
  await expect.visible(grace.getByText("ask an administrator"));
  await kit.check(grace, "closed");
  await grace.goto("/keys");
  await expect.count(grace.getByRole("link", { name: /Create New|Revoke|Rotate/ }), 0);
  await kit.check(grace, "viewer");
  await grace.goto(`/keys/${given.revoked}`);
  await expect.count(grace.getByRole("main").getByRole("button"), 0);

  kit.step("she is removed");
  await page.getByLabel("Remove grace@example.com").click();
  await page.getByLabel("Type grace@example.com to confirm").fill("grace@example.com");
  await kit.check(page, "remove");
  await page.getByRole("dialog").getByRole("button", { name: "Remove member" }).click();
  await expect.at(page, "/members?done=member-removed");
  await grace.goto("/keys");
  await expect.at(grace, /^\/sign-in/);
  const plain = await kit.page({ origin: given.portal, scripts: false });
  await plain.goto(given.second);
  await plain.goto("/members");
  await plain.getByLabel("Remove administrator@example.com").click();
  await kit.check(plain, "remove-page");

  kit.step("the trail tells it in the reader's time");
  await tab("Audit trail");
  await expect.visible(page.getByText(/removed/).first());
  const exact = await page.getByRole("main").getByRole("time").first().getAttribute("title");
  expect(exact, "the exact time").matches(/ at \d\d:\d\d:\d\d (GMT-[45]|E[SD]T)$/);
  await page.getByText("Details").first().click();
  await kit.check(page, "audit");

  kit.step("the account is suspended");
  const suspended = await kit.page({ origin: given.portal });
  await suspended.goto(given.suspended);
  await expect.visible(suspended.getByText("This account is suspended"));
  await kit.check(suspended, "suspended");
  await suspended.getByRole("link", { name: "Key not working?" }).click();
  await suspended.getByLabel("Key", { exact: true }).fill(given.suspended_key);
  await suspended.getByRole("button", { name: "Check key" }).click();
  await expect.visible(suspended.getByRole("heading", { name: "The account is suspended" }));
  await kit.check(suspended, "check-suspended");

  kit.step("a page is looked for that is not there");
  for (const path of ["/nowhere", "/keys/key_00000000000000000000000000"]) {
    expect((await page.goto(path)).status(), "the status").is(404);
  }
  await kit.check(page, "absent");
}
