// What went wrong, as a sentence for whoever asked.
import { notifications } from "@mantine/notifications";
import { Refused } from "../api/call.ts";
import i18n from "../i18n.ts";

export function sentenceOf(error: unknown): string {
  if (!(error instanceof Refused)) return i18n.t("failed.network");
  if (error.status === 429) return i18n.t("failed.tooMany", { count: Math.max(1, Math.ceil(error.retryAfter / 60)) });
  if (error.status >= 500) return i18n.t("failed.server");
  const said = error.sentences.join(" ");
  return said ? said.charAt(0).toUpperCase() + said.slice(1) : i18n.t("failed.other");
}

export function tellFailure(error: unknown) {
  // The login page follows.
  if (error instanceof Refused && error.status === 401) return;
  // Whoever was asked for a proof and gave none knows.
  if (error instanceof Refused && error.needsProof) return;
  show("red.8", sentenceOf(error));
}

export function tell(message: string) {
  show("harbour", message);
}

function show(color: string, message: string) {
  notifications.show({ color, message, closeButtonProps: { "aria-label": i18n.t("app.close") } });
}
