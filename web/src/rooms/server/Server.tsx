// A server's own page.
import { Alert, Box, Button, Grid, Group, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconChevronLeft, IconLock, IconRefresh } from "@tabler/icons-react";
import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { ServerPage } from "../../api/generated/model";
import { serverQuery } from "../../api/queries.ts";
import { LinkAnchor, LinkButton } from "../../parts/LinkButton.tsx";
import { may } from "../../parts/rights.ts";
import { Status } from "../../parts/Status.tsx";
import { SystemIcon } from "../../parts/SystemIcon.tsx";
import { BuildProgress } from "./BuildProgress.tsx";
import { Details } from "./Details.tsx";
import { Figures } from "./Figures.tsx";
import { Jobs } from "./Jobs.tsx";
import { Manage } from "./Manage.tsx";
import { Own } from "./Own.tsx";
import { Power, usePower } from "./Power.tsx";
import { Rename } from "./Rename.tsx";
import { Screen } from "./Screen.tsx";
import classes from "./Server.module.css";
import { Sharing } from "./Sharing.tsx";

const route = getRouteApi("/inside/server/$uuid");

export function useServer(): ServerPage {
  return useSuspenseQuery(serverQuery(route.useParams().uuid)).data;
}

export function Server() {
  const { t } = useTranslation();
  const server = useServer();
  const build = server.jobs.find((job) => job.action === "build_server");
  const isBuilding = build !== undefined && (build.state === "queued" || build.state === "running");
  return (
    <Stack gap="lg">
      <LinkAnchor to="/" size="sm" className={classes.back}>
        <IconChevronLeft size={16} aria-hidden /> {t("app.back")}
      </LinkAnchor>
      <Group justify="space-between" align="start" gap="md">
        <Group gap="md" wrap="nowrap" className={classes.heading}>
          <SystemIcon icon={server.os?.icon} name={server.os?.name ?? server.name} size={52} />
          <Box miw={0}>
            <Group gap="sm" wrap="nowrap">
              <Title order={1} className={classes.name}>
                {server.name}
              </Title>
              {may(server, "settings") && <Rename server={server} />}
            </Group>
            <Group gap="sm" mt={2}>
              <Status server={server} />
              <Text size="sm" c="dimmed">
                {server.os?.name ?? server.hostname}
              </Text>
            </Group>
          </Box>
        </Group>
        <Power server={server} />
      </Group>
      <Notices server={server} isBuilding={isBuilding} />
      {isBuilding && <BuildProgress job={build} />}
      {server.state === "failed" && build?.state === "failed" && <BuildProgress job={build} />}
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack gap="lg">
            <Figures server={server} />
            {(may(server, "password") || may(server, "rebuild")) && <Manage server={server} />}
            {server.selfService && <Own server={server} />}
            <Sharing server={server} />
            <Jobs jobs={server.jobs} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Stack gap="lg">
            <Screen server={server} />
            <Details server={server} />
          </Stack>
        </Grid.Col>
      </Grid>
    </Stack>
  );
}

function Notices({ server, isBuilding }: { server: ServerPage; isBuilding: boolean }) {
  const { t } = useTranslation();
  const power = usePower(server);
  const isUnbuilt = !isBuilding && (server.state === "allocated" || server.state === "failed");
  return (
    <>
      {server.suspended && (
        <Alert className={classes.warn} icon={<IconLock />} role="status">
          {t("server.suspended")}
        </Alert>
      )}
      {isUnbuilt && !server.suspended && (
        <Alert className={server.state === "failed" ? classes.bad : classes.calm} icon={<IconAlertTriangle />}>
          <Group justify="space-between">
            <Text size="sm">{t(server.state === "failed" ? "server.failed" : "server.allocated")}</Text>
            {may(server, "rebuild") && (
              <LinkButton to="/server/$uuid/rebuild" params={{ uuid: server.uuid }} size="xs">
                {t("server.build")}
              </LinkButton>
            )}
          </Group>
        </Alert>
      )}
      {server.pending.length > 0 && (
        <Alert className={classes.warn} icon={<IconRefresh />} title={t("server.pendingTitle")} role="status">
          <Group justify="space-between" align="end">
            <Stack gap={2}>
              {server.pending.map((change) => (
                <Text size="sm" key={change.action}>
                  {t("server.pending", { what: change.action })}
                </Text>
              ))}
            </Stack>
            <Button
              size="xs"
              onClick={() => power.ask("restart")}
              disabled={server.suspended || server.power !== "running" || !may(server, "power")}
            >
              {t("server.restart")}
            </Button>
          </Group>
        </Alert>
      )}
    </>
  );
}
