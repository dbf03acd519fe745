// The ways in from other sites: single sign-on, and screens that shops show.
import { check, expect, test } from "./world.ts";

/** What a page of a shop begins with. */
const HEAD = '<!doctype html><html lang="en"><title>Shop</title><body>';

test("a link on a shop's page logs in once, on the server's page", async ({ page, customer, world }) => {
  const server = await world.server(customer, "sold");
  const path = `/users/${customer.relation}/serverAuthenticationTokens/${server.id}`;
  const { data } = await world.ask("POST", path);
  const target = `${world.url}${data.authentication.endpoint_complete}`;
  world.shop.page = `<a href="${target.replaceAll("&", "&amp;")}">To your server</a>`;
  await page.goto(world.shop.url);
  await page.getByRole("link").click();
  await expect(page.getByRole("heading", { name: "sold" })).toBeVisible();
  await expect(page).toHaveURL(`${world.url}/server/${server.uuid}`);
  await page.context().clearCookies();
  await page.goto(world.shop.url);
  await page.getByRole("link").click();
  await expect(page.getByRole("status")).toContainText("That link was used already");
});

test("the ways in without a password stand below one line", async ({ page }) => {
  const label = "Company login";
  await page.route("**/panel/api/sign-on", (route) => route.fulfill({ json: { data: { label } } }));
  await page.goto("/login");
  await expect(page.getByLabel("E-mail address")).toBeFocused();
  await expect(page.getByRole("button", { name: "Log in with a passkey" })).toBeVisible();
  await expect(page.getByRole("button", { name: label })).toBeVisible();
  await expect(page.getByRole("separator")).toHaveCount(1);
  await check(page);
});

test("whoever is logged in goes on from the login page", async ({ inside: page }) => {
  await page.goto("/login?next=/profile");
  await expect(page.getByRole("heading", { level: 1, name: "Profile" })).toBeVisible();
  await page.goto("/login?reason=oidc-denied");
  await expect(page.getByRole("status")).toContainText("did not let you in");
  await check(page);
  await page.getByRole("link", { name: /^Go on as/ }).click();
  await expect(page.getByRole("heading", { name: "Servers" })).toBeVisible();
});

test("a shop's page shows a screen by the script, another's does not", async ({ page, customer, world }) => {
  const server = await world.server(customer, "embedded");
  const inputs = async () => {
    const { data } = await world.ask("POST", `/servers/${server.id}/vnc`, { vnc: true });
    const con = world.url.replace("https", "wss") + data.vnc.wss.url;
    return `<input type="hidden" id="con" value="${con}"><input type="hidden" id="pass" value="${data.vnc.password}">
      <input type="hidden" id="server-name" value="&lt;b&gt;embedded&lt;/b&gt;">`;
  };
  for (const script of ["<script", '<script type="module" crossorigin']) {
    world.shop.page = `${HEAD}${await inputs()}${script} src="${world.url}/vnc/vnc.js"></script>`;
    await page.goto(world.shop.url);
    await expect(page.getByRole("status")).toHaveText("Connected");
    await expect(page.getByRole("heading", { name: "<b>embedded</b>" })).toBeVisible();
    await check(page);
  }
  world.stranger.page = `${HEAD}${await inputs()}<script src="${world.url}/vnc/vnc.js"></script>`;
  await page.goto(world.stranger.url);
  await expect(page.getByRole("status")).toContainText("The screen can't be opened.");
  await check(page);
});

test("/vnc/ is framed by a shop, and by nobody else", async ({ browser, customer, world }) => {
  const server = await world.server(customer, "framed");
  const framed = async (shop: typeof world.shop) => {
    const { data } = await world.ask("POST", `/servers/${server.id}/vnc`, { vnc: true });
    const fragment = new URLSearchParams({ con: data.vnc.wss.url, pass: data.vnc.password, name: "framed" });
    const address = `${world.url}/vnc/#${fragment}`;
    shop.page = `${HEAD}<iframe title="Screen" src="${address}" width="900" height="600"></iframe>`;
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await page.goto(shop.url);
    return page;
  };
  const page = await framed(world.shop);
  await expect(page.frameLocator("iframe").getByRole("status")).toHaveText("Connected");
  await check(page);
  await page.context().close();
  const other = await framed(world.stranger);
  const frame = other.frames().find((one) => one !== other.mainFrame());
  await expect.poll(() => frame?.url()).toMatch(/^chrome-error:/);
  await other.context().close();
  // The panel itself is framed by nobody.
  world.shop.page = `<!doctype html><iframe src="${world.url}/login"></iframe>`;
  const panel = await browser.newPage({ ignoreHTTPSErrors: true });
  await panel.goto(world.shop.url);
  await expect
    .poll(() =>
      panel
        .frames()
        .find((one) => one !== panel.mainFrame())
        ?.url(),
    )
    .toMatch(/^chrome-error:/);
  await panel.close();
});

test("/vnc/ alone says what it is for", async ({ page }) => {
  await page.goto("/vnc/");
  await expect(page.getByText("This page shows a server's screen")).toBeVisible();
  await check(page);
});

test("staff log in by the provider, and their profile shows it until they forget it", async ({ page, world }) => {
  const { provider } = world;
  provider.email = (await world.staff("Ann Lee")).email;
  await page.goto("/login");
  const door = page.getByRole("button", { name: provider.label });
  await expect(door).toBeVisible();
  await check(page);
  await door.click();
  await expect(page.getByRole("heading", { name: "Servers" })).toBeVisible();
  await page.goto("/profile");
  await expect(page.getByTestId("identity")).toContainText(provider.issuer);
  await check(page);
  await page.getByRole("button", { name: `Forget the account at ${provider.issuer}` }).click();
  await expect(page.getByText("It is forgotten.")).toBeVisible();
  await expect(page.getByTestId("identity")).toHaveCount(0);
});

test("a customer is not let in by the provider, and is told why", async ({ page, customer, world }) => {
  world.provider.email = customer.email;
  await page.goto("/login");
  await page.getByRole("button", { name: world.provider.label }).click();
  await expect(page.getByRole("status")).toContainText("Nobody of the staff has your address.");
  await check(page);
});
