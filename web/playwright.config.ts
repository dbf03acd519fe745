import { defineConfig } from "@playwright/test";

// The walk through the panel in Debian's Chromium without a window, on a control server with simulated nodes that it
// starts itself: `cargo build -p berth-control --example simulated`, then `npm run walk`.
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export default defineConfig({
  testDir: "e2e",
  outputDir: "e2e/results",
  // Each has a control server of its own, and takes whichever test is next. Two wait for a server, mostly, while one
  // draws.
  workers: 3,
  fullyParallel: true,
  // Emulated machines are slow; conditions are waited for, not times.
  timeout: 300_000,
  expect: { timeout: 30_000 },
  forbidOnly: !!process.env.CI,
  reporter: [["list"]],
  use: {
    browserName: "chromium",
    ignoreHTTPSErrors: true,
    // What is looked at is there, and not on its way.
    contextOptions: { reducedMotion: "reduce" },
    viewport: { width: 1280, height: 900 },
    screenshot: "only-on-failure",
    launchOptions: { executablePath: process.env.BERTH_CHROMIUM ?? "/usr/bin/chromium-headless-shell", args: flags },
  },
});
