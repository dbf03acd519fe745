import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` asks a control server for everything but the panel's own files, for instance
// `cargo run -p berth-control --example simulated -- 127.0.0.1:8443`.
const control = process.env.BERTH_URL ?? "https://127.0.0.1:8443";
const proxied = { target: control, secure: false, ws: true };

export default defineConfig({
  plugins: [react()],
  // The control server puts a fresh one in its place each time.
  html: { cspNonce: "__CSP_NONCE__" },
  build: {
    rolldownOptions: { input: { index: "index.html", viewer: "viewer.html" } },
    // Files that are small would become data: addresses, which the policy has for pictures only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What the panel is made of, and under which licences.
    license: { fileName: "assets/licenses.md" },
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/panel/api": proxied, "/img": proxied, "/vnc/": proxied } },
});
