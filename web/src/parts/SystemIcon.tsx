// The icon of an operating system, or its first letter where there is none.
import { useState } from "react";
import classes from "./SystemIcon.module.css";

export function SystemIcon({ icon, name, size = 40 }: { icon?: string; name?: string; size?: number }) {
  const [isMissing, setMissing] = useState(false);
  const letter = (name?.trim()[0] ?? "?").toUpperCase();
  return (
    <span className={classes.icon} style={{ width: size, height: size, fontSize: size * 0.42 }} aria-hidden>
      {icon && !isMissing ? (
        <img src={`/img/logo/${encodeURIComponent(icon)}`} alt="" onError={() => setMissing(true)} />
      ) : (
        letter
      )}
    </span>
  );
}
