// A server's state in a word and a colour, the same everywhere.
import { useTranslation } from "react-i18next";
import type { ServerCard } from "../api/generated/model";
import classes from "./Status.module.css";

type Tone = "good" | "busy" | "warn" | "bad" | "quiet";
type Word = keyof typeof import("../texts/en.json")["state"];

const powers: Record<string, [Word, Tone]> = {
  running: ["running", "good"],
  off: ["off", "quiet"],
  paused: ["paused", "warn"],
  crashed: ["crashed", "bad"],
  shutdown: ["shutdown", "busy"],
};
const states: Record<string, [Word, Tone]> = {
  allocated: ["allocated", "quiet"],
  queued: ["queued", "busy"],
  building: ["building", "busy"],
  failed: ["failed", "bad"],
};

export function stateOf(server: Pick<ServerCard, "state" | "power" | "suspended">): [Word, Tone] {
  if (server.suspended) return ["suspended", "warn"];
  return states[server.state] ?? powers[server.power] ?? ["unknown", "quiet"];
}

export function Status({ server }: { server: Pick<ServerCard, "state" | "power" | "suspended" | "working"> }) {
  const { t } = useTranslation();
  const [word, tone] = stateOf(server);
  return (
    <span className={classes.chip} data-tone={tone} data-working={server.working || undefined}>
      <span className={classes.dot} aria-hidden />
      {t(`state.${word}`)}
    </span>
  );
}
