import { defineConfig } from "orval";

// The client is made at each build and not committed: openapi/panel.json is, and is checked against what is served, so
// there is one file to review and none to forget.
export default defineConfig({
  panel: {
    input: "../openapi/panel.json",
    output: {
      target: "src/api/generated/panel.ts",
      schemas: "src/api/generated/model",
      mode: "single",
      client: "fetch",
      clean: true,
      baseUrl: "/panel/api",
      override: {
        mutator: { path: "src/api/call.ts", name: "call" },
        fetch: { includeHttpResponseReturnType: false },
      },
    },
  },
});
