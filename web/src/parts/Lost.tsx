// What stands where there is nothing to show: not yet, not at all, or not now.
import { Button, Center, Loader, Stack, Text, Title } from "@mantine/core";
import { type ErrorComponentProps, useRouter } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Refused } from "../api/call.ts";
import { LinkAnchor } from "./LinkButton.tsx";
import { sentenceOf } from "./said.ts";

export function Lost() {
  const { t } = useTranslation();
  return (
    <main>
      <Message title={t("lost.title")} text={t("lost.text")} />
    </main>
  );
}

export function Broken({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation();
  const router = useRouter();
  if (error instanceof Refused && error.status === 404) {
    return <Message title={t("lost.title")} text={t("lost.server")} />;
  }
  const again = () => {
    reset();
    void router.invalidate();
  };
  return (
    <Message title={t("failed.page")} text={sentenceOf(error)}>
      <Button onClick={again}>{t("app.tryAgain")}</Button>
    </Message>
  );
}

function Message(props: { title: string; text: string; children?: React.ReactNode }) {
  const { t } = useTranslation();
  return (
    <Center mih="60dvh" p="lg">
      <Stack align="center" gap="sm" ta="center" maw={460}>
        <Title order={1}>{props.title}</Title>
        <Text c="dimmed">{props.text}</Text>
        {props.children ?? <LinkAnchor to="/">{t("app.back")}</LinkAnchor>}
      </Stack>
    </Center>
  );
}

export function Waiting() {
  const { t } = useTranslation();
  return (
    <Center mih="60dvh">
      <Loader type="dots" aria-label={t("app.loading")} role="status" />
    </Center>
  );
}
