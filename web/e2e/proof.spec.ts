// Who came from another site has proved nothing: dangerous things ask, and so does a second factor.
import { shown } from "./authenticator.ts";
import { type Customer, check, expect, logIn, test, type World } from "./world.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq1Y5jVvW0sDqkTjMhiW3FfqyDR2BqUKe8hVrGh1v0p jon@laptop";

async function link(world: World, customer: Customer & { relation: number }): Promise<string> {
  const { data } = await world.ask("POST", `/users/${customer.relation}/authenticationTokens`);
  return `${world.url}${data.authentication.endpoint_complete}`;
}

test("whoever came from another site is asked once, and what they did goes on", async ({ page, customer, world }) => {
  await page.goto(await link(world, customer));
  await expect(page.getByRole("heading", { name: "Servers" })).toBeVisible();
  await page.goto("/profile");
  await page.getByRole("button", { name: "Add a key" }).click();
  await page.getByLabel("Public key").fill(KEY);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  const question = page.getByRole("dialog", { name: "Is it still you?" });
  await expect(question.getByRole("link", { name: /link mailed/ })).toBeVisible();
  await expect(question.getByRole("textbox", { name: "Your password" })).toBeFocused();
  await check(page);
  await question.getByRole("button", { name: "Cancel" }).click();
  await expect(question).toBeHidden();
  await expect(page.getByRole("dialog").getByText("Please prove again that it is you.")).toBeVisible();

  await page.getByRole("button", { name: "Add", exact: true }).click();
  await question.getByRole("textbox", { name: "Your password" }).fill("not the password");
  await question.getByRole("button", { name: "Go on" }).click();
  await expect(question.getByText("That is not your password.")).toBeVisible();
  await check(page);
  await question.getByRole("textbox", { name: "Your password" }).fill(customer.password);
  await question.getByRole("button", { name: "Go on" }).click();
  await expect(question).toBeHidden();
  await expect(page.getByTestId("key")).toContainText("ssh-ed25519");

  await page.getByRole("button", { name: "Remove the key jon@laptop" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("You have no SSH keys yet.")).toBeVisible();
});

test("a second factor is asked for after another site's link too", async ({ inside: page, customer, world }) => {
  await page.goto("/profile");
  await page.getByRole("button", { name: "Switch on" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Your password" }).fill(customer.password);
  await page.keyboard.press("Enter");
  const secret = (await page.getByTestId("factor-secret").textContent()) ?? "";
  await page.getByLabel("Code", { exact: true }).fill(shown(secret));
  await page.keyboard.press("Enter");
  const recovery = (await page.getByTestId("recovery-code").first().textContent()) ?? "";
  await page.getByRole("button", { name: "I have stored them" }).click();

  const server = await world.server(customer, "guarded");
  const path = `/users/${customer.relation}/serverAuthenticationTokens/${server.id}`;
  const { data } = await world.ask("POST", path);
  await page.context().clearCookies();
  await page.goto(`${world.url}${data.authentication.endpoint_complete}`);
  await expect(page.getByRole("heading", { name: "Second factor" })).toBeVisible();
  await expect(page.getByRole("status")).toContainText("vouches for you");
  await expect(page.getByLabel("Code")).toBeFocused();
  await check(page);
  await page.keyboard.type("not a code");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toHaveText("The code is wrong, or was used already.");
  await page.getByLabel("Code").fill(recovery);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "guarded" })).toBeVisible();
  await expect(page).toHaveURL(`${world.url}/server/${server.uuid}`);
});

test("a link that waited too long for its second factor leads to the login", async ({ page, customer }) => {
  await page.goto("/login?reason=code");
  await page.getByLabel("Code").fill("123456");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toContainText("That took too long.");
  await check(page);
  await logIn(page, customer);
});
