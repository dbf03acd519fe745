// The screen, by RFB.
import RFB from "@novnc/novnc";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { sentenceOf } from "../../parts/said.ts";
import classes from "./Console.module.css";
import { access, type ConsoleProps } from "./stage.ts";
import { type } from "./typed.ts";

export default function Screen({ server, onStage, handle }: ConsoleProps) {
  const { t } = useTranslation();
  const target = useRef<HTMLDivElement>(null);
  const { uuid } = server;
  useEffect(() => {
    let rfb: RFB | undefined;
    let isOver = false;
    const open = async () => {
      const { url, password } = await access(uuid, "vnc");
      if (isOver || !target.current) return;
      rfb = new RFB(target.current, url, { credentials: { password }, wsProtocols: ["binary"] });
      rfb.scaleViewport = true;
      rfb.background = "transparent";
      let wasConnected = false;
      rfb.addEventListener("connect", () => {
        wasConnected = true;
        onStage({ at: "connected" });
        rfb?.focus();
      });
      rfb.addEventListener("disconnect", () => {
        if (isOver) return;
        onStage(wasConnected ? { at: "ended" } : { at: "refused", why: t("console.refused") });
      });
      handle.current = { ctrlAltDel: () => rfb?.sendCtrlAltDel(), type: (text) => rfb && type(rfb, text) };
    };
    open().catch((error) => onStage({ at: "refused", why: sentenceOf(error) }));
    return () => {
      isOver = true;
      handle.current = null;
      rfb?.disconnect();
    };
  }, [uuid, onStage, handle, t]);
  return (
    <div
      className={classes.screen}
      ref={target}
      role="application"
      aria-label={t("console.screenLabel", { name: server.name })}
    />
  );
}
