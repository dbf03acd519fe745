// `/vnc/vnc.js`: a server's screen on a page that is not ours, or on `/vnc/`. A page gives it hidden inputs: `con`, the
// socket's address; `pass`, the password; `server-name`. On `/vnc/` they are in the fragment, which no server sees.
// It fills an element with the id `vnc`, or the page.
import RFB from "@novnc/novnc";
import texts from "../texts/en.json";
import styles from "./viewer.css?inline";

const words = texts.viewer;

/** Where this script came from: sockets that are given by their path are there. */
function home(): string {
  const own = document.currentScript instanceof HTMLScriptElement ? document.currentScript : null;
  return (own ?? document.querySelector<HTMLScriptElement>('script[src*="/vnc/vnc.js"]'))?.src ?? window.location.href;
}

const from = home();

function given(name: string, inFragment: string): string | undefined {
  const input = document.getElementById(name) ?? document.querySelector(`input[name="${name}"]`);
  if (input instanceof HTMLInputElement && input.value) return input.value;
  return new URLSearchParams(window.location.hash.slice(1)).get(inFragment) ?? undefined;
}

function socketAddress(text: string): string {
  const url = new URL(text, from);
  url.protocol = url.protocol.replace(/^http/, "ws");
  return url.href;
}

function show() {
  const host = document.getElementById("vnc") ?? document.body.appendChild(document.createElement("div"));
  const root = host.attachShadow({ mode: "open" });
  // A sheet of this kind needs no leave of the page's policy.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(styles);
  root.adoptedStyleSheets = [sheet];
  const make = <T extends keyof HTMLElementTagNameMap>(tag: T, name: string, text = "") => {
    const element = document.createElement(tag);
    element.className = name;
    element.textContent = text;
    return element;
  };
  const name = given("server-name", "name") ?? words.title;
  if (host.id !== "vnc") document.title = name;
  const stage = make("span", "stage", words.connecting);
  stage.setAttribute("role", "status");
  const keys = make("button", "button", words.ctrlAltDel);
  const full = make("button", "button", words.fullscreen);
  const screen = make("div", "screen");
  screen.setAttribute("role", "application");
  screen.setAttribute("aria-label", name);
  const bar = make("header", "bar");
  const title = make("h1", "name", name);
  bar.append(title, stage, keys, full);
  const page = make("main", host.id === "vnc" ? "viewer inside" : "viewer");
  page.append(bar, screen);
  root.append(page);
  keys.disabled = true;
  full.onclick = () => void (document.fullscreenElement ? document.exitFullscreen() : page.requestFullscreen());

  const con = given("con", "con");
  if (!con) {
    stage.textContent = "";
    keys.remove();
    full.remove();
    screen.append(make("p", "nothing", words.nothing));
    return;
  }
  const rfb = new RFB(screen, socketAddress(con), {
    credentials: { password: given("pass", "pass") ?? "" },
    wsProtocols: ["binary"],
  });
  rfb.scaleViewport = true;
  rfb.background = "transparent";
  let wasConnected = false;
  rfb.addEventListener("connect", () => {
    wasConnected = true;
    stage.textContent = words.connected;
    stage.dataset.at = "connected";
    keys.disabled = false;
    rfb.focus();
  });
  rfb.addEventListener("disconnect", () => {
    stage.textContent = wasConnected ? words.ended : words.refused;
    stage.dataset.at = "ended";
    keys.disabled = true;
  });
  keys.onclick = () => {
    rfb.sendCtrlAltDel();
    rfb.focus();
  };
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", show);
else show();
