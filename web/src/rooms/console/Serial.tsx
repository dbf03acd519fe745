// The serial port, as a terminal.
import "@xterm/xterm/css/xterm.css";
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { documentWithNonce, withNonce } from "../../nonce.ts";
import { sentenceOf } from "../../parts/said.ts";
import classes from "./Console.module.css";
import { access, type ConsoleProps } from "./stage.ts";

const COLOURS = {
  background: "#0d1316",
  foreground: "#dce4e7",
  cursor: "#7ad6cd",
  selectionBackground: "#2c5660",
};
const NORMAL_CLOSE = 1000;

export default function Serial({ server, onStage, handle }: ConsoleProps) {
  const { t } = useTranslation();
  const target = useRef<HTMLDivElement>(null);
  const { uuid } = server;
  useEffect(() => {
    const place = target.current;
    if (!place) return;
    const terminal = new Terminal({
      theme: COLOURS,
      fontFamily: "ui-monospace, 'Cascadia Mono', 'DejaVu Sans Mono', monospace",
      fontSize: 15,
      cursorBlink: true,
      scrollback: 5_000,
      screenReaderMode: true,
      documentOverride: documentWithNonce(),
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    // xterm 6 takes its scroll bar's style from the plain document, whatever it is given.
    withNonce(() => terminal.open(place));
    fit.fit();
    const watched = new ResizeObserver(() => fit.fit());
    watched.observe(place);
    let socket: WebSocket | undefined;
    let isOver = false;
    const send = (text: string) => {
      if (socket?.readyState === WebSocket.OPEN) socket.send(new TextEncoder().encode(text));
    };
    const open = async () => {
      const { url } = await access(uuid, "serial");
      if (isOver) return;
      socket = new WebSocket(url, ["binary"]);
      socket.binaryType = "arraybuffer";
      let wasOpen = false;
      socket.onopen = () => {
        wasOpen = true;
        onStage({ at: "connected" });
        terminal.focus();
      };
      socket.onmessage = ({ data }) => terminal.write(new Uint8Array(data as ArrayBuffer));
      socket.onclose = ({ code, reason }) => {
        if (isOver) return;
        const why = code === NORMAL_CLOSE && reason ? reason : t("console.refused");
        onStage(wasOpen ? { at: "ended" } : { at: "refused", why });
      };
    };
    terminal.onData(send);
    handle.current = { type: send };
    open().catch((error) => onStage({ at: "refused", why: sentenceOf(error) }));
    return () => {
      isOver = true;
      handle.current = null;
      watched.disconnect();
      socket?.close();
      terminal.dispose();
    };
  }, [uuid, onStage, handle, t]);
  return (
    <div
      className={classes.serial}
      ref={target}
      role="application"
      aria-label={t("console.serialLabel", { name: server.name })}
    />
  );
}
