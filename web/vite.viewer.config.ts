import { defineConfig, type Plugin } from "vite";

// What a browser decodes is known a moment later than at once, long before a screen is open: a script can't wait.
const AWAITED = "supportsWebCodecsH264Decode = await _checkWebCodecsH264DecodeSupport();";
const LATER = "_checkWebCodecsH264DecodeSupport().then((it) => { supportsWebCodecsH264Decode = it; });";

const withoutAwait: Plugin = {
  name: "novnc-without-top-level-await",
  transform(code, id) {
    if (!id.endsWith("novnc/core/util/browser.js")) return null;
    if (!code.includes(AWAITED)) throw new Error("noVNC's browser.js is another: look whether it still awaits");
    return code.replace(AWAITED, LATER);
  },
};

// `/vnc/vnc.js` is one file that works as a script and as a module, on pages that are not ours.
export default defineConfig({
  publicDir: false,
  plugins: [withoutAwait],
  build: {
    emptyOutDir: false,
    lib: { entry: "src/viewer/viewer.ts", formats: ["iife"], name: "BerthViewer", fileName: () => "vnc.js" },
  },
});
