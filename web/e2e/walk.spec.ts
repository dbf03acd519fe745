// A customer's walk: login, list, server, power, password, rebuild, console.
import { shown } from "./authenticator.ts";
import { check, colours, expect, logIn, test } from "./world.ts";

test("who has no session is asked for a login, and lands where it was meant", async ({ page, customer, world }) => {
  const server = await world.server(customer, "landing");
  await page.goto(`/server/${server.uuid}`);
  await expect(page).toHaveURL(/\/login\?next=/);
  await check(page);
  await page.getByLabel("E-mail address").fill(customer.email);
  await page.getByRole("textbox", { name: "Password" }).fill("not the password");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toHaveText("The address and the password don't belong together.");
  await check(page);
  await page.getByRole("textbox", { name: "Password" }).fill(customer.password);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "landing" })).toBeVisible();
  await page.getByRole("button", { name: /Account of Jon Doe/ }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
});

test("guesses are limited, and the page says for how long", async ({ page, customer }) => {
  await page.goto("/login");
  await page.getByLabel("E-mail address").fill(customer.email);
  for (let guess = 0; guess < 10; guess += 1) {
    await page.getByRole("textbox", { name: "Password" }).fill(`guess ${guess}`);
    const answered = page.waitForResponse((response) => response.url().endsWith("/panel/api/session"));
    await page.keyboard.press("Enter");
    expect((await answered).status()).toBe(401);
    await expect(page.getByRole("alert")).toBeVisible();
  }
  await page.getByRole("textbox", { name: "Password" }).fill(customer.password);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toHaveText("Too many tries. Please wait 15 minutes.");
});

test("who forgot a password sets a new one by a mailed link, once", async ({ page, customer, world }) => {
  await page.goto("/login");
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await expect(page.getByRole("heading", { name: "Forgotten password" })).toBeVisible();
  await check(page);
  await page.getByLabel("E-mail address").fill(customer.email);
  await page.getByRole("button", { name: "Mail me a link" }).click();
  await expect(page.getByRole("status")).toContainText("a link is on its way");
  const letter = () => world.post.letters.find(({ to }) => to === customer.email);
  await expect.poll(letter).toBeDefined();
  const link = /https:\S+/.exec(letter()?.text ?? "")?.[0] ?? "";
  await page.goto(link);
  await page.getByRole("textbox", { name: "New password" }).fill("a good long one");
  await page.getByRole("textbox", { name: "Once more" }).fill("another long one");
  await page.getByRole("button", { name: "Set it" }).click();
  await expect(page.getByText("The two are not the same.")).toBeVisible();
  await check(page);
  await page.getByRole("textbox", { name: "Once more" }).fill("a good long one");
  await page.getByRole("button", { name: "Set it" }).click();
  await expect(page.getByRole("status")).toContainText("Your new password is set.");
  await page.getByRole("link", { name: "Back to the login" }).click();
  await logIn(page, { ...customer, password: "a good long one" });

  await page.goto("about:blank");
  await page.goto(link);
  await page.getByRole("textbox", { name: "New password" }).fill("yet another one");
  await page.getByRole("textbox", { name: "Once more" }).fill("yet another one");
  await page.getByRole("button", { name: "Set it" }).click();
  await expect(page.getByRole("alert")).toContainText("Ask for a new link.");
});

test("nobody's address leads elsewhere after the login", async ({ page, customer }) => {
  await page.goto("/login?next=//evil.example/");
  await page.getByLabel("E-mail address").fill(customer.email);
  await page.getByRole("textbox", { name: "Password" }).fill(customer.password);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Servers" })).toBeVisible();
});

test("a list is searched and sorted, and each of its servers opened", async ({ inside: page, customer, world }) => {
  await expect(page.getByText("You have no servers yet.")).toBeVisible();
  await check(page);
  for (const name of ["web-1", "web-2", "mail"]) await world.server(customer, name);
  const rows = page.getByTestId("server");
  await expect(rows).toHaveCount(3);
  await expect(rows.first()).toContainText("mail");
  await expect(rows.getByText("Running")).toHaveCount(3);
  await page.getByRole("button", { name: "Sort by Name" }).click();
  await expect(rows.first()).toContainText("web-2");
  await check(page);
  await page.getByRole("searchbox").fill("web debian");
  await expect(rows).toHaveCount(2);
  await page.getByRole("searchbox").fill("nothing like it");
  await expect(page.getByText("No server matches “nothing like it”.")).toBeVisible();
  await page.getByRole("searchbox").fill("mail");
  await page.getByRole("link", { name: "mail" }).click();
  await expect(page.getByRole("heading", { name: "mail" })).toBeVisible();
});

test("a server shows how it is, is renamed, and stops and starts", async ({ inside: page, customer, world }) => {
  const server = await world.server(customer, "old-name");
  await page.goto(`/server/${server.uuid}`);
  const state = page.locator("main").getByText("Running", { exact: true });
  await expect(state).toBeVisible();
  await expect(page.getByRole("region", { name: "Live figures" }).getByText("2 cores")).toBeVisible();
  await expect(page.getByTestId("picture")).toBeVisible();
  await check(page);

  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("new name");
  await check(page);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: "new name", level: 1 })).toBeVisible();

  await page.getByRole("button", { name: "Power", exact: true }).click();
  await page.getByRole("menuitem", { name: "Shut down" }).click();
  const question = page.getByRole("dialog", { name: "Shut new name down?" });
  await check(page);
  await question.getByRole("button", { name: "Cancel" }).click();
  await expect(question).toBeHidden();
  await expect(state).toBeVisible();
  await page.getByRole("button", { name: "Power", exact: true }).click();
  await page.getByRole("menuitem", { name: "Shut down" }).click();
  await question.getByRole("button", { name: "Shut down" }).click();
  await expect(page.locator("main").getByText("Off", { exact: true })).toBeVisible();
  await expect(page.getByText("There are no figures while the server does not run.")).toBeVisible();
  await page.getByRole("button", { name: "Start" }).click();
  await expect(state).toBeVisible();
  await page.getByRole("button", { name: "Restart" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Restart" }).click();
  await expect(page.getByTestId("job").first()).toContainText("Restart · done");
});

test("a new password is shown once", async ({ inside: page, customer, world }) => {
  const server = await world.server(customer, "secret");
  await page.goto(`/server/${server.uuid}`);
  await page.getByRole("button", { name: "Reset password" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Reset password" }).click();
  const secret = await page.getByTestId("secret").textContent();
  expect(secret).toHaveLength(20);
  await check(page);
  await page.keyboard.press("Escape");
  await expect(page.getByTestId("secret")).toBeVisible();
  await page.getByRole("button", { name: "I have stored it" }).click();
  await expect(page.getByTestId("secret")).toBeHidden();
  await expect(page.getByTestId("job").first()).toContainText("New password · done");
  expect(await page.content()).not.toContain(secret);
});

test("a rebuild is watched step by step", async ({ inside: page, customer, world }) => {
  const server = await world.server(customer, "again");
  await page.goto(`/server/${server.uuid}`);
  await page.getByRole("link", { name: "Rebuild" }).click();
  await check(page);
  const submit = page.getByRole("button", { name: "Rebuild now" });
  await expect(submit).toBeDisabled();
  await page.getByLabel("I know that everything on the disk of again is lost").check();
  await submit.click();
  await expect(page.getByText("Choose a system.")).toBeVisible();
  await page.getByRole("radio", { name: "Ubuntu" }).click();
  await page.getByLabel("Host name").fill("-wrong-");
  await submit.click();
  await expect(page.getByText("Letters, digits and hyphens")).toBeVisible();
  await page.getByLabel("Host name").fill("fresh.example.test");
  await check(page);
  await submit.click();
  await expect(page.getByTestId("secret")).toHaveText(/^.{20}$/);
  await page.getByRole("button", { name: "I have stored it" }).click();
  const build = page.getByTestId("build");
  await expect(build.getByRole("listitem")).toHaveText([
    /^Prepare/,
    /^Fetch the system/,
    /^Switch off/,
    /^Make the disk/,
    /^Write it/,
    /^Start/,
    /^Clear away/,
  ]);
  await expect(build.locator("[aria-current=step]")).toBeVisible();
  await check(page);
  await expect(build).toBeHidden();
  await expect(page.getByTestId("job").first()).toContainText("Build · done");
  await expect(page.locator("main")).toContainText("Ubuntu Server");
  await expect(page.locator("main")).toContainText("fresh.example.test");
});

test("a console takes keys and shows what they do", async ({ inside: page, customer, world }) => {
  const server = await world.server(customer, "screen");
  await page.goto(`/server/${server.uuid}`);
  await page.getByRole("link", { name: "Console", exact: true }).click();
  await expect(page.getByTestId("stage")).toHaveText("Connected");
  await expect.poll(() => colours(page, "main canvas")).toBe(2);
  await check(page);
  await page.locator("main canvas").click();
  await page.keyboard.press("a");
  await expect.poll(() => colours(page, "main canvas"), "a key lights a block").toBe(3);
  await page.getByRole("button", { name: "Type a text" }).click();
  await page.getByLabel("Text", { exact: true }).fill("Hällo\n");
  await check(page);
  await page.getByRole("button", { name: "Type it" }).click();

  await page.getByText("Serial", { exact: true }).click();
  await expect(page.getByTestId("stage")).toHaveText("Connected");
  const terminal = page.getByRole("application", { name: "Serial console of screen" });
  await expect(terminal).toContainText("simulated login:");
  await page.keyboard.type("root");
  await page.keyboard.press("Enter");
  await expect(terminal).toContainText("You typed: root");
  await check(page);

  await page.getByText("Screen", { exact: true }).click();
  const opened = page.waitForEvent("popup");
  await page.getByRole("button", { name: "In a window of its own" }).click();
  const own = await opened;
  await expect(own.getByTestId("stage")).toHaveText("Connected");
  await expect(own.getByRole("banner")).toBeHidden();
  await check(own);
});

test("a console of a server that is off says so", async ({ inside: page, customer, world }) => {
  const server = await world.server(customer, "dark");
  await world.ask("POST", `/servers/${server.id}/power/poweroff`);
  await page.goto(`/server/${server.uuid}`);
  await expect(page.locator("main").getByText("Off", { exact: true })).toBeVisible();
  await page.goto(`/server/${server.uuid}/console`);
  await expect(page.getByText("The server is off. Start it, and its console opens.")).toBeVisible();
  await check(page);
});

test("the profile keeps keys and sessions, and changes the password", async ({ inside: page, customer, browser }) => {
  await page.goto("/profile");
  await expect(page.getByRole("heading", { name: "Sessions" })).toBeVisible();
  await check(page);
  await page.getByRole("button", { name: "Add a key" }).click();
  await page.getByLabel("Public key").fill("not a key");
  await page.getByRole("dialog").getByLabel("Name").fill("laptop");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.getByRole("dialog").locator("p[id$=error]")).toBeVisible();
  await check(page);
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq1Y5jVvW0sDqkTjMhiW3FfqyDR2BqUKe8hVrGh1v0p jon@laptop";
  await page.getByRole("dialog").getByLabel("Name").fill("");
  await page.getByLabel("Public key").fill(key);
  await expect(page.getByRole("dialog").getByLabel("Name")).toHaveValue("jon@laptop");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.getByTestId("key")).toContainText("ssh-ed25519");
  await page.getByRole("button", { name: "Remove the key jon@laptop" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("You have no SSH keys yet.")).toBeVisible();

  const elsewhere = await browser.newContext({ ignoreHTTPSErrors: true, baseURL: new URL(page.url()).origin });
  const other = await elsewhere.newPage();
  await logIn(other, customer);
  await page.reload();
  await expect(page.getByTestId("session")).toHaveCount(2);
  await page.getByRole("button", { name: /^End the session/ }).click();
  await expect(page.getByTestId("session")).toHaveCount(1);
  await expect(other.getByText("Your session has ended. Please log in again.")).toBeVisible();
  await elsewhere.close();

  await page.getByLabel("Present password").fill("not it");
  await page.getByLabel("New password", { exact: true }).fill("a new and longer one");
  await page.getByLabel("New password again").fill("another");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("The two are not the same.")).toBeVisible();
  await page.getByLabel("New password again").fill("a new and longer one");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("That is not your password.")).toBeVisible();
  await check(page);
  await page.getByLabel("Present password").fill(customer.password);
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("Your password is changed.")).toBeVisible();
});

test("who chooses a language sees the panel in it, also the next time", async ({ inside: page, customer, world }) => {
  const server = await world.server(customer, "sprache");
  await page.goto("/profile");
  await page.getByRole("combobox", { name: "Language" }).click();
  await page.getByRole("option", { name: "Deutsch" }).click();
  await expect(page.getByRole("heading", { name: "Profil", exact: true })).toBeVisible();
  await expect(page.getByText("Dies ist nun Ihre Sprache.")).toBeVisible();
  await check(page);
  await page.reload();
  await expect(page.getByRole("heading", { name: "Zweiter Faktor" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
  await page.goto(`/server/${server.uuid}`);
  await expect(page.getByRole("heading", { name: "Letzte Arbeiten" })).toBeVisible();
  await check(page);
  await page.goto("/profile");
  // What the shop says counts as well, and what there is no catalogue of is English.
  await world.ask("PUT", `/users/${customer.relation}/byExtRelation`, { language: "pt-BR" });
  await page.reload();
  await expect(page.getByRole("heading", { name: "Second factor" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "en");
});

test("a second factor is asked for, and a recovery code stands in for it", async ({ inside: page, customer }) => {
  await page.goto("/profile");
  await page.getByRole("button", { name: "Switch on" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Your password" }).fill(customer.password);
  await page.keyboard.press("Enter");
  const secret = await page.getByTestId("factor-secret").textContent();
  await expect(page.getByText("A picture for the authenticator to scan")).toBeAttached();
  await check(page);
  await page.getByLabel("Code", { exact: true }).fill("000000");
  await page.keyboard.press("Enter");
  await expect(page.getByText("The code field is not what the authenticator shows now.")).toBeVisible();
  await page.getByLabel("Code", { exact: true }).fill(shown(secret ?? ""));
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("recovery-code")).toHaveCount(10);
  const recovery = (await page.getByTestId("recovery-code").first().textContent()) ?? "";
  await check(page);
  await page.getByRole("button", { name: "I have stored them" }).click();
  await expect(page.getByTestId("factor")).toHaveText("On");

  await page.context().clearCookies();
  await page.goto("/login");
  await page.getByLabel("E-mail address").fill(customer.email);
  await page.getByRole("textbox", { name: "Password" }).fill(customer.password);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Second factor" })).toBeVisible();
  await expect(page.getByLabel("Code")).toBeFocused();
  await check(page);
  await page.getByRole("button", { name: "Another account" }).click();
  await expect(page.getByLabel("E-mail address")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Code")).toBeFocused();
  await page.keyboard.type("123 456");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toHaveText("The code is wrong, or was used already.");
  await page.getByLabel("Code").fill(recovery);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Servers" })).toBeVisible();
  await page.goto("/profile");
  await expect(page.getByText("9 recovery codes are left.")).toBeVisible();
});

test("another customer's server is not there", async ({ inside: page, world }) => {
  const server = await world.server(await world.customer("Mary"), "hers");
  await page.goto(`/server/${server.uuid}`);
  await expect(page.getByText("There is no such server of yours.")).toBeVisible();
  await check(page);
  await page.goto("/nowhere");
  await expect(page.getByRole("heading", { name: "There is nothing here" })).toBeVisible();
  await check(page);
});
