// A secret that is shown once: the window closes by its button alone.
import { Button, Code, Group, Modal, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Copy } from "./Copy.tsx";

export function Secret(props: {
  title: string;
  secret: string | undefined;
  /** What it is, where it is no password. */
  what?: string;
  onStored: () => void;
  children?: ReactNode;
}) {
  const { t } = useTranslation();
  return (
    <Modal
      opened={props.secret !== undefined}
      onClose={props.onStored}
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
      title={props.title}
    >
      <Stack>
        {props.children}
        <Text size="sm">{t("password.once")}</Text>
        <Group gap="xs" wrap="nowrap">
          <Code fz="lg" px="md" py="xs" flex={1} data-testid="secret">
            {props.secret}
          </Code>
          <Copy value={props.secret ?? ""} what={props.what ?? t("password.new")} />
        </Group>
        <Button onClick={props.onStored} data-autofocus>
          {t("password.stored")}
        </Button>
      </Stack>
    </Modal>
  );
}
