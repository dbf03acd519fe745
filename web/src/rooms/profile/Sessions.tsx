// Where one is logged in.
import { Badge, Button, Group, Paper, Text, Title } from "@mantine/core";
import { IconDeviceDesktop, IconDeviceMobile } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Session } from "../../api/generated/model";
import { endSession } from "../../api/generated/panel.ts";
import { queryClient, sessionsQuery } from "../../api/queries.ts";
import { ago, browser, moment } from "../../format.ts";
import { tell, tellFailure } from "../../parts/said.ts";
import classes from "./Profile.module.css";

export function Sessions() {
  const { t } = useTranslation();
  const sessions = useQuery(sessionsQuery);
  return (
    <Paper component="section" aria-labelledby="sessions">
      <Title order={2} id="sessions">
        {t("profile.sessions")}
      </Title>
      <Text c="dimmed" size="sm" mb="sm">
        {t("profile.sessionsText")}
      </Text>
      {sessions.data?.map((session) => (
        <SessionRow key={session.id} session={session} />
      ))}
    </Paper>
  );
}

function SessionRow({ session }: { session: Session }) {
  const { t } = useTranslation();
  const end = useMutation({
    mutationFn: () => endSession(session.id),
    onSuccess: () => tell(t("profile.ended")),
    onError: tellFailure,
    onSettled: () => queryClient.invalidateQueries({ queryKey: sessionsQuery.queryKey }),
  });
  const Icon = /Android|iPhone|iPad|Mobile/.test(session.userAgent) ? IconDeviceMobile : IconDeviceDesktop;
  const address = session.address ?? "?";
  return (
    <div className={classes.row} data-testid="session">
      <Icon size={22} aria-hidden className={classes.mark} />
      <div className={classes.words}>
        <Group gap="xs">
          <Text fw={550} size="sm" title={session.userAgent}>
            {browser(session.userAgent) ?? t("profile.unknownBrowser")}
          </Text>
          {session.current && (
            <Badge size="sm" className={classes.current}>
              {t("profile.thisOne")}
            </Badge>
          )}
        </Group>
        <Text size="xs" c="dimmed" title={moment(session.created)}>
          {address}, {t("profile.lastSeen", { when: ago(session.lastSeen) })}
        </Text>
      </div>
      {!session.current && (
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => end.mutate()}
          loading={end.isPending}
          aria-label={t("profile.endOf", { address })}
        >
          {t("profile.end")}
        </Button>
      )}
    </div>
  );
}
