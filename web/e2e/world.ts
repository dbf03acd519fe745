// A control server on simulated nodes with a shop's customer, and a browser that minds the pages' policy.
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer as listener } from "node:net";
import { createInterface } from "node:readline";
import AxeBuilder from "@axe-core/playwright";
import { type APIRequestContext, test as base, expect, type Page, request } from "@playwright/test";
import { Post } from "./post.ts";
import { Provider } from "./provider.ts";

const PROGRAM = process.env.BERTH_SIMULATED ?? "../target/debug/examples/simulated";
/** What each call to a node takes, so that a build can be watched. */
const SLOW_MS = "400";

export interface Customer {
  id: number;
  email: string;
  password: string;
}

interface Built {
  id: number;
  uuid: string;
  name: string;
}

/** What a shop does before its customer comes. */
export class World {
  private relations = 0;
  private profile: number | undefined;

  constructor(
    readonly url: string,
    private readonly api: APIRequestContext,
    /** A shop's page, of another origin, that may open consoles. */
    readonly shop: Shop,
    /** One that may not. */
    readonly stranger: Shop,
    readonly post: Post,
    /** By which staff log in. */
    readonly provider: Provider,
  ) {}

  async ask(method: string, path: string, data?: object) {
    const answer = await this.api.fetch(`${this.url}/api/v1${path}`, { method, data });
    const text = await answer.text();
    expect(answer.ok(), `${method} ${path}: ${answer.status()} ${text}`).toBe(true);
    return text ? JSON.parse(text) : undefined;
  }

  async customer(name: string): Promise<Customer & { relation: number }> {
    this.relations += 1;
    const email = `${name.toLowerCase().replaceAll(" ", ".")}.${this.relations}@example.test`;
    const { data } = await this.ask("POST", "/users", { name, email, extRelationId: this.relations });
    return { id: data.id, email, password: data.password, relation: this.relations };
  }

  /** Somebody who works here. */
  async staff(name: string): Promise<Customer> {
    const person = await this.customer(name);
    await this.ask("PUT", `/users/${person.id}/role`, { role: "support" });
    return person;
  }

  /** Lets a customer create servers of both packages by the hour, at 1 and 4 tokens, with a token worth a tenth. */
  async selfService(customer: Customer & { relation: number }, tokens: number) {
    if (!this.profile) {
      await this.ask("POST", "/selfService/currencies", { code: "EUR", value: "0.1", suffix: " €" });
      for (const [id, price] of [
        [1, 730],
        [2, 2920],
      ]) {
        await this.ask("PUT", `/packages/${id}/price`, { tokens: price });
      }
      const profile = { name: "By the hour", hypervisorGroups: [1], packages: [1, 2] };
      const { data } = await this.ask("POST", "/selfService/hourlyGroupProfiles", profile);
      this.profile = data.id;
    }
    const to = `byUserExtRelationId/${customer.relation}`;
    await this.ask("POST", `/selfService/hourlyGroupProfile/${to}`, { profileId: this.profile });
    await this.ask("PUT", `/selfService/access/${to}`, { syncToProfiles: true });
    await this.ask("PUT", `/users/${customer.relation}/byExtRelation`, { selfServiceHourlyCredit: true });
    await this.ask("POST", `/selfService/credit/${to}`, { tokens });
  }

  async server(owner: Customer, name: string): Promise<Built> {
    const { data } = await this.ask("POST", "/servers", { packageId: 1, userId: owner.id, hypervisorId: 1 });
    const order = { operatingSystemId: 2, name, hostname: `${name}.example.test`, vnc: true };
    await this.ask("POST", `/servers/${data.id}/build`, order);
    await expect.poll(async () => (await this.ask("GET", `/servers/${data.id}`)).data.commissionStatus).toBe(3);
    return { id: data.id, uuid: data.uuid, name };
  }
}

/** A site that is not the panel's. */
export class Shop {
  page = "";

  private constructor(
    readonly url: string,
    private readonly server: Server,
  ) {}

  static async open(): Promise<Shop> {
    let shop: Shop | undefined;
    const server = createServer((_, answer) => {
      answer.setHeader("content-type", "text/html; charset=utf-8");
      answer.end(shop?.page);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    shop = new Shop(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, server);
    return shop;
  }

  close() {
    this.server.close();
  }
}

async function freePort(): Promise<number> {
  const server = listener();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function begin(
  origin: string,
  post: Post,
  provider: Provider,
): Promise<[ChildProcess, { url: string; token: string }]> {
  // Links in mail begin with it, so it has to be known before; passkeys want a name, and no address.
  const port = await freePort();
  const url = `https://localhost:${port}`;
  const env = {
    ...process.env,
    BERTH_CONTROL_PUBLIC_URL: url,
    BERTH_CONTROL_MAIL_URL: post.url,
    BERTH_CONTROL_MAIL_FROM: "Berth <noreply@example.test>",
    BERTH_CONTROL_CONSOLE_ORIGINS: origin,
    BERTH_CONTROL_OIDC_ISSUER: provider.issuer,
    BERTH_CONTROL_OIDC_CLIENT_ID: provider.client,
    BERTH_CONTROL_OIDC_CLIENT_SECRET: provider.secret,
    BERTH_CONTROL_OIDC_LABEL: provider.label,
    BERTH_CONTROL_STRANGE_REQUESTS_PER_SECOND: "0",
    BERTH_LOG: "warn",
  };
  const child = spawn(PROGRAM, [`127.0.0.1:${port}`, SLOW_MS], { env, stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const first = await new Promise<string>((resolve, reject) => {
    lines.once("line", resolve);
    child.once("exit", (code) => reject(new Error(`${PROGRAM} ended with ${code}`)));
    child.once("error", reject);
  });
  return [child, { ...JSON.parse(first), url }];
}

export const test = base.extend<{ customer: Customer & { relation: number }; inside: Page }, { world: World }>({
  world: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of fixtures here.
    async ({}, use) => {
      const [shop, stranger] = [await Shop.open(), await Shop.open()];
      const [post, provider] = [await Post.open(), await Provider.open()];
      const [child, { url, token }] = await begin(shop.url, post, provider);
      const headers = { authorization: `Bearer ${token}` };
      const api = await request.newContext({ ignoreHTTPSErrors: true, extraHTTPHeaders: headers });
      await use(new World(url, api, shop, stranger, post, provider));
      await api.dispose();
      child.kill("SIGINT");
      shop.close();
      stranger.close();
      post.close();
      provider.close();
    },
    { scope: "worker", timeout: 120_000 },
  ],
  baseURL: ({ world }, use) => use(world.url),
  // Whatever a page's policy stopped, and whatever a page threw, is a mistake of ours.
  page: async ({ page }, use) => {
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.text().includes("Content Security Policy")) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await use(page);
    expect(complaints).toEqual([]);
  },
  customer: ({ world }, use) => world.customer("Jon Doe").then(use),
  /** The browser of a customer who is logged in. */
  inside: async ({ page, customer }, use) => {
    await logIn(page, customer);
    await use(page);
  },
});

export async function logIn(page: Page, { email, password }: Pick<Customer, "email" | "password">) {
  await page.goto("/login");
  await page.getByLabel("E-mail address").fill(email);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Servers" })).toBeVisible();
}

/** Nothing on the page that keeps somebody out, and nothing that leads out of its side. */
export async function check(page: Page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(bad.map(({ id, nodes }) => [id, ...nodes.map((node) => node.html)])).toEqual([]);
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(excess, "the page is wider than the window").toBeLessThanOrEqual(0);
}

/** How many colours a picture of the screen has. */
export async function colours(page: Page, selector: string): Promise<number> {
  return page.locator(selector).evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const pixels = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    const found = new Set<number>();
    for (let at = 0; at < pixels.length; at += 4) {
      found.add(((pixels[at] ?? 0) << 16) | ((pixels[at + 1] ?? 0) << 8) | (pixels[at + 2] ?? 0));
    }
    return found.size;
  });
}

export { expect };
