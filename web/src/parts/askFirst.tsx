// A question before something that is not easily undone.
import { Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import i18n from "../i18n.ts";

interface Question {
  title: string;
  text: string;
  /** What is done, as the button says it. */
  confirm: string;
  onConfirm: () => void;
  /** Whether something is lost by it. */
  isGrave?: boolean;
}

export function askFirst({ title, text, confirm, onConfirm, isGrave = false }: Question) {
  modals.openConfirmModal({
    title,
    children: <Text size="sm">{text}</Text>,
    labels: { confirm, cancel: i18n.t("app.cancel") },
    confirmProps: isGrave ? { color: "red.9" } : undefined,
    // Whoever presses Enter twice has not said it.
    cancelProps: { "data-autofocus": true },
    closeButtonProps: { "aria-label": i18n.t("app.close") },
    onConfirm,
  });
}
