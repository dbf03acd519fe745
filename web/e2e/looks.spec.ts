// Every room in the light, in the dark and on a phone: nothing overflows, nothing keeps anybody out. The pictures are in
// e2e/results, to be looked at. For each change both colours and both widths, once; `make test-full` has all four.
import { check, expect, test } from "./world.ts";

const looks = [
  { name: "light", colorScheme: "light", viewport: { width: 1280, height: 900 } },
  { name: "dark", colorScheme: "dark", viewport: { width: 1280, height: 900 } },
  { name: "phone", colorScheme: "light", viewport: { width: 390, height: 844 } },
  { name: "dark-phone", colorScheme: "dark", viewport: { width: 360, height: 740 } },
] as const;
const short = ["light", "dark-phone"];
const wanted = process.env.BERTH_TEST_FULL ? looks : looks.filter(({ name }) => short.includes(name));

for (const { name, ...look } of wanted) {
  test.describe(name, () => {
    test.use(look);

    test("every room", async ({ inside: page, customer, world }) => {
      await world.selfService(customer, 5);
      await world.server(customer, "database");
      const long = await world.server(customer, "a-name-that-is-as-long-as-names-of-servers-may-be-and-no-longer");
      const suspended = await world.server(customer, "suspended");
      await world.ask("POST", `/servers/${suspended.id}/suspend`);
      const rooms: [string, string, RegExp][] = [
        ["list", "/", /Servers/],
        ["server", `/server/${long.uuid}`, /a-name/],
        ["suspended", `/server/${suspended.uuid}`, /suspended/],
        ["rebuild", `/server/${long.uuid}/rebuild`, /Rebuild/],
        ["screen", `/server/${long.uuid}/console`, /Console/],
        ["serial", `/server/${long.uuid}/console?kind=serial`, /Console/],
        ["new", "/new", /New server/],
        ["billing", "/billing", /Billing/],
        ["profile", "/profile", /Profile/],
        ["login", "/login?reason=used", /Log in/],
      ];
      for (const [room, path, heading] of rooms) {
        await page.goto(path);
        await expect(page.getByRole("heading", { level: 1, name: heading })).toBeVisible();
        if (room === "screen" || room === "serial") await expect(page.getByTestId("stage")).toHaveText("Connected");
        await page.waitForLoadState("networkidle");
        await check(page);
        await page.screenshot({ path: `e2e/results/${name}/${room}.png`, fullPage: true });
      }
    });
  });
}
