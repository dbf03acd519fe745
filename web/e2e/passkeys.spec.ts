// Passkeys in Chromium's own authenticator: made in the profile, and the whole of a login.
import type { CDPSession, Page } from "@playwright/test";
import { check, expect, logIn, test } from "./world.ts";

/** A phone in the browser: it keeps passkeys and verifies its user. */
async function phone(page: Page): Promise<CDPSession & { id: string }> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return Object.assign(devtools, { id: authenticatorId });
}

async function add(page: Page, name: string, password: string) {
  await page.getByRole("button", { name: "Add a passkey" }).click();
  const dialog = page.getByRole("dialog", { name: "Add a passkey" });
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("textbox", { name: "Your password" }).fill(password);
  await check(page);
  await dialog.getByRole("button", { name: "Add a passkey" }).click();
}

async function leave(page: Page) {
  await page.getByRole("button", { name: /Account of Jon Doe/ }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
}

test("a passkey is made, logs in, is renamed and removed", async ({ page, customer }) => {
  const authenticator = await phone(page);
  await logIn(page, customer);
  await page.goto("/profile");
  await expect(page.getByText("You have no passkeys yet.")).toBeVisible();
  await add(page, "phone", "not the password");
  await expect(page.getByText("That is not your password.")).toBeVisible();
  const dialog = page.getByRole("dialog", { name: "Add a passkey" });
  await dialog.getByRole("textbox", { name: "Your password" }).fill(customer.password);
  await dialog.getByRole("button", { name: "Add a passkey" }).click();
  const row = page.getByTestId("passkey");
  await expect(row).toContainText("never used");
  await expect(dialog).toBeHidden();
  await check(page);
  // One that the device has already is not made again.
  await add(page, "again", customer.password);
  await expect(page.getByText("That device has a passkey of your account already.")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();

  await leave(page);
  await page.goto("/login?next=/profile");
  await check(page);
  await page.getByRole("button", { name: "Log in with a passkey" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Profile" })).toBeVisible();
  await expect(row).toContainText("last used");

  await page.getByRole("button", { name: "Rename the passkey phone" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("my phone");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(row).toContainText("my phone");

  // Who does not verify is not in.
  await leave(page);
  const { id } = authenticator;
  await authenticator.send("WebAuthn.setUserVerified", { authenticatorId: id, isUserVerified: false });
  await page.getByRole("button", { name: "Log in with a passkey" }).click();
  await expect(page.getByRole("alert")).toContainText("No passkey was shown.");
  await check(page);
  await authenticator.send("WebAuthn.setUserVerified", { authenticatorId: id, isUserVerified: true });
  await page.getByRole("button", { name: "Log in with a passkey" }).click();
  await expect(page.getByRole("heading", { name: "Servers" })).toBeVisible();

  await page.goto("/profile");
  await page.getByRole("button", { name: "Remove the passkey my phone" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("You have no passkeys yet.")).toBeVisible();
  await leave(page);
  await page.getByRole("button", { name: "Log in with a passkey" }).click();
  await expect(page.getByRole("alert")).toContainText("That passkey does not log in here.");
});

test("a passkey proves that it is still whoever logged in", async ({ inside: page, customer, world }) => {
  const authenticator = await phone(page);
  await page.goto("/profile");
  await add(page, "phone", customer.password);
  const row = page.getByTestId("passkey");
  await expect(row).toContainText("never used");
  // Who came from another site has proved nothing.
  await page.context().clearCookies();
  const { data } = await world.ask("POST", `/users/${customer.relation}/authenticationTokens`);
  await page.goto(`${world.url}${data.authentication.endpoint_complete}`);
  await expect(page.getByRole("heading", { name: "Servers" })).toBeVisible();
  await page.goto("/profile");
  await page.getByRole("button", { name: "Remove the passkey phone" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  const question = page.getByRole("dialog", { name: "Is it still you?" });
  const { id: authenticatorId } = authenticator;
  await authenticator.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
  await question.getByRole("button", { name: "Use a passkey" }).click();
  await expect(question.getByText("No passkey was shown.")).toBeVisible();
  await check(page);
  await authenticator.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });
  await question.getByRole("button", { name: "Use a passkey" }).click();
  await expect(question).toBeHidden();
  await expect(page.getByText("You have no passkeys yet.")).toBeVisible();
});

test("a browser that can't shows no such button", async ({ page }) => {
  await page.addInitScript(() => Reflect.deleteProperty(window, "PublicKeyCredential"));
  await page.goto("/login");
  await expect(page.getByRole("button", { name: "Log in", exact: true })).toBeVisible();
  await page.waitForLoadState("networkidle");
  await expect(page.getByRole("button", { name: "Log in with a passkey" })).toHaveCount(0);
});
