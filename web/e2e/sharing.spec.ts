// A server that is shared, and a program that uses the API.
import { check, expect, logIn, test } from "./world.ts";

test("an owner shares a server, and the guest does what was shared", async ({
  inside: page,
  customer,
  world,
  browser,
}) => {
  const server = await world.server(customer, "shared");
  const mary = await world.customer("Mary Guest");
  await page.goto(`/server/${server.uuid}`);
  await page.getByRole("button", { name: "Invite somebody" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("E-mail address").fill(mary.email);
  await form.getByRole("checkbox", { name: "open its console" }).uncheck();
  await check(page);
  await form.getByRole("button", { name: "Invite", exact: true }).click();
  await expect(page.getByTestId("share")).toContainText("invited");
  await check(page);
  const letter = () => world.post.letters.find(({ to }) => to === mary.email);
  await expect.poll(letter).toBeDefined();

  const elsewhere = await browser.newContext({ baseURL: world.url, ignoreHTTPSErrors: true });
  const hers = await elsewhere.newPage();
  await logIn(hers, mary);
  await expect(hers.getByTestId("invitation")).toContainText("would like to share shared with you");
  await check(hers);
  await hers.getByRole("button", { name: "Accept" }).click();
  await expect(hers.getByTestId("shared")).toHaveText("Shared by Jon Doe");
  await check(hers);
  await hers.getByRole("link", { name: "shared" }).click();
  await expect(hers.getByText("This server is Jon Doe's.")).toBeVisible();
  await expect(hers.getByTestId("restart")).toBeVisible();
  for (const name of ["Rename", "Reset password", "Invite somebody"]) {
    await expect(hers.getByRole("button", { name })).toHaveCount(0);
  }
  await expect(hers.getByRole("link", { name: "Console" })).toHaveCount(0);
  await check(hers);

  await page.reload();
  await expect(page.getByTestId("share")).toContainText("Mary Guest");
  await page.getByRole("button", { name: "What Mary Guest may do" }).click();
  await page.getByRole("dialog").getByRole("checkbox", { name: "rename it" }).check();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByTestId("share")).toContainText("rename it");
  await expect(hers.getByRole("button", { name: "Rename" })).toBeVisible();
  await hers.getByRole("button", { name: "Leave" }).click();
  await hers.getByRole("dialog").getByRole("button", { name: "Leave" }).click();
  await expect(hers.getByText("You have no servers yet.")).toBeVisible();
  await elsewhere.close();
});

test("a token is shown once, does what it may, and is revoked", async ({ inside: page, customer, world, request }) => {
  const server = await world.server(customer, "automated");
  await page.goto("/profile");
  await page.getByRole("button", { name: "Create a token" }).click();
  const form = page.getByRole("dialog");
  await form.getByRole("textbox", { name: "Name" }).fill("backup script");
  await check(page);
  await form.getByRole("button", { name: "Create" }).click();
  const secret = (await page.getByTestId("secret").textContent()) ?? "";
  expect(secret).toMatch(/^brc_/);
  await page.getByRole("button", { name: "I have stored it" }).click();
  await expect(page.getByTestId("token")).toContainText("see servers");
  await check(page);

  const ask = (method: string, path: string) =>
    request.fetch(`${world.url}/api${path}`, {
      method,
      headers: { authorization: `Bearer ${secret}` },
      ignoreHTTPSErrors: true,
    });
  expect((await (await ask("GET", "/server")).json()).data[0].id).toBe(server.uuid);
  expect((await ask("POST", `/server/${server.uuid}/power/restart`)).status()).toBe(403);
  await page.getByRole("button", { name: "Revoke the token backup script" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByTestId("token")).toHaveCount(0);
  expect((await ask("GET", "/server")).status()).toBe(401);
});
