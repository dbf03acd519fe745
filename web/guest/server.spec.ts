// A customer at their own server, which a guest really is: what they type is done in it, and they see what it answers.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { expect, type Locator, type Page, test } from "@playwright/test";

function given(name: string): string {
  const value = process.env[`BERTH_GUEST_${name}`];
  if (!value) throw new Error(`BERTH_GUEST_${name} says what this walk needs`);
  return value;
}

/** Where Berth is, who logs in, which server, its root's password, and the file that is told the new one. */
const [url, email, password, uuid] = [given("URL"), given("EMAIL"), given("PASSWORD"), given("SERVER")];
const [root, told] = [given("ROOT"), given("TOLD")];

test.use({ baseURL: url });

test("consoles, power and a new password of a real guest", async ({ page }) => {
  await page.goto("/login");
  await page.getByLabel("E-mail address").fill(email);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
  await page.locator(`a[href="/server/${uuid}"]`).first().click();
  const state = page.locator("main").getByText("Running", { exact: true });
  await expect(state).toBeVisible();
  await expect(page.getByTestId("picture")).toBeVisible();

  const serial = await logInAtSerial(page);
  await workAtScreen(page, serial);

  await page.goto(`/server/${uuid}`);
  await page.getByRole("button", { name: "Reset password" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Reset password" }).click();
  writeFileSync(told, (await page.getByTestId("secret").textContent()) ?? "");
  await page.getByRole("button", { name: "I have stored it" }).click();
  await expect(page.getByTestId("job").first()).toContainText("New password · done");

  await page.getByRole("button", { name: "Restart" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Restart" }).click();
  await expect(page.getByTestId("job").first()).toContainText("Restart · done");
  await expect(state).toBeVisible();
});

/** Types a command where a shell is, and waits for what it prints; what is typed must not hold that itself. */
type Shell = (command: string, answer: string) => Promise<void>;

async function logInAtSerial(page: Page): Promise<Shell> {
  await page.goto(`/server/${uuid}/console`);
  await page.getByText("Serial", { exact: true }).click();
  await expect(page.getByTestId("stage")).toHaveText("Connected");
  const terminal = page.getByRole("application", { name: /^Serial console of / });
  const type = async (text: string) => {
    await page.keyboard.type(text);
    await page.keyboard.press("Enter");
  };
  await type("");
  await expect(terminal).toContainText("login:");
  await type("root");
  await expect(terminal).toContainText("assword:");
  await type(root);
  const shell: Shell = async (command, answer) => {
    await type(command);
    await expect(terminal).toContainText(answer);
  };
  await shell("echo I have $((40+2))", "I have 42");
  return shell;
}

/** At the screen in a window of its own. What stands on it, its guest says at the serial console (vcs(4)). */
async function workAtScreen(serial: Page, shell: Shell) {
  const own = await serial.context().newPage();
  await own.goto(`/server/${uuid}/console`);
  await expect(own.getByTestId("stage")).toHaveText("Connected");
  const screen = own.locator("main canvas");
  const type = async (text: string) => {
    const before = await picture(screen);
    await own.getByRole("button", { name: "Type a text" }).click();
    await own.getByLabel("Text", { exact: true }).fill(`${text}\n`);
    await own.getByRole("button", { name: "Type it" }).click();
    await expect.poll(() => picture(screen), "the screen answers").not.toBe(before);
  };
  const shows = async (pattern: string, mark: string) => {
    await serial.bringToFront();
    await shell(`until grep -q "${pattern}" /dev/vcs1; do sleep 1; done; echo saw ${mark}''.`, `saw ${mark}.`);
    await own.bringToFront();
  };
  await shows("login:", "one");
  await type("root");
  await shows("assword:", "two");
  await type(root);
  await shows("#", "three");
  await type("echo $((6*7)) | tee /root/typed");
  await shows("tee .*42", "four");
  await own.close();
  await serial.bringToFront();
}

/** What a screen shows, as a checksum. */
async function picture(screen: Locator): Promise<string> {
  const data = await screen.evaluate((element) => (element as HTMLCanvasElement).toDataURL());
  return createHash("sha256").update(data).digest("hex");
}
