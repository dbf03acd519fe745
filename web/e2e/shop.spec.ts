// Self service: a customer creates a server, sees it being built, resizes and deletes it, and sees what it costs.
import { check, expect, logIn, test } from "./world.ts";

test("who has no self service sees nothing of it", async ({ inside: page }) => {
  await expect(page.getByText("You have no servers yet.")).toBeVisible();
  await expect(page.getByRole("link", { name: "New server" })).toBeHidden();
  await expect(page.getByRole("link", { name: "Billing" })).toBeHidden();
});

test("a server is created by the hour, built, resized and deleted", async ({ page, customer, world }) => {
  await world.selfService(customer, 100);
  await logIn(page, customer);
  await page.getByRole("link", { name: "New server" }).click();
  await expect(page.getByRole("heading", { name: "New server" })).toBeVisible();
  await check(page);
  await page.getByRole("button", { name: "Create server" }).click();
  await expect(page.getByText("Choose a size.", { exact: true })).toBeVisible();
  await page.getByRole("radio", { name: /Small/ }).click();
  const summary = page.getByRole("complementary", { name: "Summary" });
  await expect(summary).toContainText("0.10 € an hour");
  await expect(summary).toContainText("73.00 € a month at most");
  await page.getByRole("radio", { name: "Ubuntu" }).click();
  await expect(summary).toContainText("Ubuntu Server 24.04 LTS Minimal");
  await page.getByLabel("Name", { exact: true }).fill("shop.example.test");
  await check(page);
  await page.screenshot({ path: "e2e/results/shop/new.png", fullPage: true });
  await page.getByRole("button", { name: "Create server" }).click();
  await expect(page.getByTestId("secret")).toHaveText(/^.{20}$/);
  await page.getByRole("button", { name: "I have stored it" }).click();
  await expect(page.getByRole("heading", { name: "shop.example.test", level: 1 })).toBeVisible();
  const build = page.getByTestId("build");
  await expect(build).toBeVisible();
  await expect(build).toBeHidden();
  await expect(page.locator("main").getByText("Running", { exact: true })).toBeVisible();

  await page.getByRole("button", { name: "Resize" }).click();
  const resize = page.getByRole("dialog", { name: "Another size for shop.example.test" });
  await expect(resize.getByRole("radio", { name: /Small/ })).toBeDisabled();
  await resize.getByRole("radio", { name: /Large/ }).click();
  await check(page);
  await page.screenshot({ path: "e2e/results/shop/resize.png" });
  await resize.getByRole("button", { name: "Resize now" }).click();
  await expect(resize).toBeHidden();
  await expect(page.getByTestId("job").first()).toContainText("Change");

  await page.getByRole("button", { name: "Delete" }).click();
  const question = page.getByRole("dialog", { name: "Delete shop.example.test?" });
  const last = question.getByRole("button", { name: "Delete for ever" });
  await question.getByRole("textbox").fill("shop.example");
  await expect(last).toBeDisabled();
  await question.getByRole("textbox").fill("shop.example.test");
  await check(page);
  await page.screenshot({ path: "e2e/results/shop/delete.png" });
  await last.click();
  await expect(page.getByText("You have no servers yet.")).toBeVisible();
});

test("what is refused says why", async ({ page, customer, world }) => {
  await world.selfService(customer, 1);
  await logIn(page, customer);
  await page.goto("/new");
  await page.getByRole("radio", { name: /Large/ }).click();
  await expect(page.getByText("Your credit does not pay the first hour.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Create server" })).toBeDisabled();
  await page.getByRole("radio", { name: /Small/ }).click();
  await page.getByRole("radio", { name: "Debian" }).click();
  await page.getByLabel("Name", { exact: true }).fill("too late");
  await expect(page.getByText("This is no host name, so the system gets none.")).toBeVisible();
  // Meanwhile somebody takes the credit.
  await world.ask("POST", `/selfService/credit/byUserExtRelationId/${customer.relation}`, { tokens: -1 });
  await page.getByRole("button", { name: "Create server" }).click();
  await expect(page.getByRole("alert")).toContainText("does not pay the first hour");
});

test("billing shows the credit, the ledger and statements", async ({ page, customer, world }) => {
  await world.selfService(customer, 100);
  await logIn(page, customer);
  await page.getByRole("link", { name: "Billing" }).click();
  await expect(page.getByTestId("balance")).toHaveText("10.00 €");
  await expect(page.getByTestId("line")).toHaveCount(1);
  await expect(page.getByTestId("line")).toContainText("Credit added");
  await expect(page.getByRole("region", { name: "Statements" })).toContainText("provisional");
  await check(page);
  for (const [word, ending] of [
    ["CSV", /^statement-\d{4}-\d{2}\.csv$/],
    ["PDF", /^statement-\d{4}-\d{2}\.pdf$/],
  ] as const) {
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: `as ${word}` }).click();
    expect((await download).suggestedFilename()).toMatch(ending);
  }
});
