import { defineConfig } from "@playwright/test";
import walk from "./playwright.config.ts";

// The panel at a server that is really there. A test of the whole system has built it, and says by BERTH_GUEST_* where.
export default defineConfig({ ...walk, testDir: "guest", outputDir: "guest/results" });
