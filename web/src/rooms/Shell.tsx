// What is around every room: where one is, who one is, how it looks.
import {
  ActionIcon,
  Anchor,
  Avatar,
  Box,
  Container,
  Group,
  Menu,
  Text,
  UnstyledButton,
  useMantineColorScheme,
  VisuallyHidden,
} from "@mantine/core";
import {
  IconDeviceDesktop,
  IconLogout,
  IconMoon,
  IconReceipt,
  IconServer2,
  IconSun,
  IconUser,
} from "@tabler/icons-react";
import { useMutation, useSuspenseQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { logOut } from "../api/generated/panel.ts";
import { sessionQuery } from "../api/queries.ts";
import { tellFailure } from "../parts/said.ts";
import classes from "./Shell.module.css";

export function Shell() {
  const { t } = useTranslation();
  const isAlone = useRouterState({
    select: (state) => "alone" in state.location.search && !!state.location.search.alone,
  });
  const { user } = useSuspenseQuery(sessionQuery).data;
  if (isAlone) return <Outlet />;
  return (
    <>
      <Anchor href="#content" className={classes.skip}>
        {t("app.skip")}
      </Anchor>
      <header className={classes.header}>
        <Container size="lg" h="100%">
          <Group h="100%" justify="space-between" wrap="nowrap">
            <Group gap="xl" wrap="nowrap">
              <Link to="/" className={classes.brand}>
                <img src="/favicon.svg" alt="" width={28} height={28} />
                <span className={classes.name}>{t("app.name")}</span>
              </Link>
              <Group component="nav" gap={4} wrap="nowrap" aria-label={t("app.name")}>
                <Link to="/" className={classes.link} activeOptions={{ exact: false }}>
                  <IconServer2 size={18} aria-hidden />
                  <span>{t("app.servers")}</span>
                </Link>
                {user.selfService && (
                  <Link to="/billing" className={classes.link}>
                    <IconReceipt size={18} aria-hidden />
                    <span>{t("app.billing")}</span>
                  </Link>
                )}
              </Group>
            </Group>
            <Person />
          </Group>
        </Container>
      </header>
      <Box component="main" id="content" tabIndex={-1} className={classes.main}>
        <Container size="lg">
          <Outlet />
        </Container>
      </Box>
    </>
  );
}

function Person() {
  const { t } = useTranslation();
  const { user } = useSuspenseQuery(sessionQuery).data;
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const leave = useMutation({
    mutationFn: () => logOut(),
    // A page anew, which remembers nothing of whoever left.
    onSuccess: () => window.location.assign("/login"),
    onError: tellFailure,
  });
  const schemes = [
    ["light", IconSun],
    ["dark", IconMoon],
    ["auto", IconDeviceDesktop],
  ] as const;
  const SchemeIcon = schemes.find(([scheme]) => scheme === colorScheme)?.[1] ?? IconDeviceDesktop;
  return (
    <Group gap="sm" wrap="nowrap">
      <Menu position="bottom-end" withArrow>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t("app.scheme")}>
            <SchemeIcon size={20} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {schemes.map(([scheme, Icon]) => (
            <Menu.Item key={scheme} leftSection={<Icon size={16} />} onClick={() => setColorScheme(scheme)}>
              {t(`app.${scheme}`)}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Menu position="bottom-end" withArrow width={220}>
        <Menu.Target>
          <UnstyledButton className={classes.person}>
            <Avatar size={32} radius="xl" className={classes.avatar}>
              {initials(user.name)}
            </Avatar>
            <VisuallyHidden>{t("app.account", { name: user.name })}</VisuallyHidden>
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Box px="sm" py="xs">
            <Text size="sm" fw={600} truncate>
              {user.name}
            </Text>
            <Text size="xs" c="dimmed" truncate>
              {user.email}
            </Text>
          </Box>
          <Menu.Divider />
          <Menu.Item component={Link} to="/profile" leftSection={<IconUser size={16} />}>
            {t("app.profile")}
          </Menu.Item>
          <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => leave.mutate()}>
            {t("app.logOut")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return (
    ends
      .map((word) => word?.[0] ?? "")
      .join("")
      .toUpperCase() || "?"
  );
}
