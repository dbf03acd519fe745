// Starting and stopping, asked once more where something would be away.
import { ActionIcon, Button, Group, Menu } from "@mantine/core";
import {
  IconChevronDown,
  IconPlayerPlayFilled,
  IconPlugX,
  IconPower,
  IconRefresh,
  IconTerminal2,
} from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Power as Action, ServerPage } from "../../api/generated/model";
import { power } from "../../api/generated/panel.ts";
import { queryClient, serverQuery } from "../../api/queries.ts";
import { askFirst } from "../../parts/askFirst.tsx";
import { LinkButton } from "../../parts/LinkButton.tsx";
import { may } from "../../parts/rights.ts";
import { tellFailure } from "../../parts/said.ts";

export function usePower(server: ServerPage) {
  const { t } = useTranslation();
  const order = useMutation({
    mutationFn: (action: Action) => power(server.uuid, { action }),
    onError: tellFailure,
    onSettled: () => queryClient.invalidateQueries({ queryKey: serverQuery(server.uuid).queryKey }),
  });
  const ask = (action: Action) => {
    if (action === "boot") return order.mutate(action);
    askFirst({
      title: t(`confirm.${action}`, { name: server.name }),
      text: t(`confirm.${action}Text`),
      confirm: t(`server.${action}`),
      isGrave: action === "poweroff",
      onConfirm: () => order.mutate(action),
    });
  };
  return { ask, isPending: order.isPending };
}

export function Power({ server }: { server: ServerPage }) {
  const { t } = useTranslation();
  const { ask, isPending } = usePower(server);
  const isRunning = server.power === "running" || server.power === "paused" || server.power === "shutdown";
  const isOut = server.suspended || server.state !== "complete";
  return (
    <Group gap="xs">
      {may(server, "console") && (
        <LinkButton
          to="/server/$uuid/console"
          params={{ uuid: server.uuid }}
          variant="default"
          leftSection={<IconTerminal2 size={18} />}
          disabled={isOut}
        >
          {t("server.console")}
        </LinkButton>
      )}
      {!may(server, "power") ? null : isRunning ? (
        <Button.Group>
          <Button
            leftSection={<IconRefresh size={17} />}
            onClick={() => ask("restart")}
            disabled={isOut || isPending}
            data-testid="restart"
          >
            {t("server.restart")}
          </Button>
          <Menu position="bottom-end" withArrow>
            <Menu.Target>
              <ActionIcon
                size={36}
                aria-label={t("server.power")}
                disabled={isOut || isPending}
                variant="filled"
                ml={1}
              >
                <IconChevronDown size={17} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item leftSection={<IconPower size={17} />} onClick={() => ask("shutdown")}>
                {t("server.shutdown")}
              </Menu.Item>
              <Menu.Item leftSection={<IconPlugX size={17} />} onClick={() => ask("poweroff")}>
                {t("server.poweroff")}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </Button.Group>
      ) : (
        <Button
          leftSection={<IconPlayerPlayFilled size={17} />}
          onClick={() => ask("boot")}
          disabled={isOut || isPending || server.working}
          data-testid="boot"
        >
          {t("server.boot")}
        </Button>
      )}
    </Group>
  );
}
