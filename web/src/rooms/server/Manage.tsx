// What is done rarely: a new password, a fresh system.
import { Button, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconKey, IconRotateRectangle } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ServerPage } from "../../api/generated/model";
import { resetServerPassword } from "../../api/generated/panel.ts";
import { queryClient, serverQuery } from "../../api/queries.ts";
import { askFirst } from "../../parts/askFirst.tsx";
import { LinkButton } from "../../parts/LinkButton.tsx";
import { may } from "../../parts/rights.ts";
import { Secret } from "../../parts/Secret.tsx";
import { tellFailure } from "../../parts/said.ts";

export function Manage({ server }: { server: ServerPage }) {
  const { t } = useTranslation();
  const [password, setPassword] = useState<string>();
  const reset = useMutation({
    mutationFn: () => resetServerPassword(server.uuid),
    onSuccess: ({ data }) => setPassword(data.password),
    onError: tellFailure,
    onSettled: () => queryClient.invalidateQueries({ queryKey: serverQuery(server.uuid).queryKey }),
  });
  const ask = () =>
    askFirst({
      title: t("password.ask", { name: server.name }),
      text: t("password.askText"),
      confirm: t("password.reset"),
      onConfirm: () => reset.mutate(),
    });
  const isOut = server.suspended || server.working;
  return (
    <Paper component="section" aria-labelledby="manage">
      <Title order={2} id="manage" mb="md">
        {t("server.manage")}
      </Title>
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="lg">
        <Stack gap="xs">
          <Button
            variant="default"
            leftSection={<IconKey size={18} />}
            onClick={ask}
            loading={reset.isPending}
            disabled={isOut || server.state !== "complete" || server.power !== "running" || !may(server, "password")}
          >
            {t("password.reset")}
          </Button>
          <Text size="xs" c="dimmed">
            {t("password.hint")}
          </Text>
        </Stack>
        <Stack gap="xs">
          <LinkButton
            to="/server/$uuid/rebuild"
            params={{ uuid: server.uuid }}
            variant="default"
            leftSection={<IconRotateRectangle size={18} />}
            disabled={isOut || server.protected || !may(server, "rebuild")}
          >
            {t(server.built ? "rebuild.title" : "rebuild.first")}
          </LinkButton>
          <Text size="xs" c="dimmed">
            {t(server.protected ? "server.protected" : "rebuild.hint")}
          </Text>
        </Stack>
      </SimpleGrid>
      <Secret title={t("password.new")} secret={password} onStored={() => setPassword(undefined)} />
    </Paper>
  );
}
