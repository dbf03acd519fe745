// Who else uses a server, and what they may do with it.
import { ActionIcon, Button, Checkbox, Group, Modal, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPencil, IconTrash, IconUser, IconUserPlus } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Right, ServerPage, Share } from "../../api/generated/model";
import { changeShare, endShare, invite, leaveServer } from "../../api/generated/panel.ts";
import { queryClient, serversQuery, sharesQuery } from "../../api/queries.ts";
import { askFirst } from "../../parts/askFirst.tsx";
import { GIVEN, useRightsInWords } from "../../parts/rights.ts";
import { sentenceOf, tell, tellFailure } from "../../parts/said.ts";
import classes from "./Server.module.css";

export function Sharing({ server }: { server: ServerPage }) {
  return server.sharedBy ? <Guest server={server} /> : <Owner server={server} />;
}

function Owner({ server }: { server: ServerPage }) {
  const { t } = useTranslation();
  const shares = useQuery(sharesQuery(server.uuid));
  const [open, setOpen] = useState<"invite" | Share>();
  const close = () => setOpen(undefined);
  return (
    <Paper component="section" aria-labelledby="sharing">
      <Group justify="space-between" align="start" mb="sm">
        <div className={classes.jobWords}>
          <Title order={2} id="sharing">
            {t("sharing.title")}
          </Title>
          <Text c="dimmed" size="sm">
            {t("sharing.text")}
          </Text>
        </div>
        <Button variant="default" leftSection={<IconUserPlus size={17} />} onClick={() => setOpen("invite")}>
          {t("sharing.invite")}
        </Button>
      </Group>
      {shares.data?.map((share) => (
        <Row key={share.id} server={server} share={share} onChange={() => setOpen(share)} />
      ))}
      <Modal
        opened={open !== undefined}
        onClose={close}
        title={typeof open === "object" ? t("sharing.changeOf", { who: open.name ?? open.email }) : t("sharing.invite")}
        closeButtonProps={{ "aria-label": t("app.close") }}
      >
        {open !== undefined && (
          <ShareForm server={server} share={typeof open === "object" ? open : undefined} onClose={close} />
        )}
      </Modal>
    </Paper>
  );
}

function useAgain(server: ServerPage) {
  return () => queryClient.invalidateQueries({ queryKey: sharesQuery(server.uuid).queryKey });
}

function Row({ server, share, onChange }: { server: ServerPage; share: Share; onChange: () => void }) {
  const { t } = useTranslation();
  const inWords = useRightsInWords();
  const again = useAgain(server);
  const who = share.name ?? share.email;
  const end = useMutation({
    mutationFn: () => endShare(server.uuid, share.id),
    onSuccess: () => tell(t("sharing.ended", { who })),
    onError: tellFailure,
    onSettled: again,
  });
  const ask = () =>
    askFirst({
      title: t("sharing.endAsk", { who }),
      text: t("sharing.endText"),
      confirm: t("sharing.end"),
      isGrave: true,
      onConfirm: () => end.mutate(),
    });
  return (
    <div className={classes.job} data-testid="share">
      <span className={classes.jobMark} aria-hidden>
        <IconUser size={16} />
      </span>
      <div className={classes.jobWords}>
        <Text size="sm" fw={550}>
          {who}
          {share.state !== "accepted" && (
            <Text span c="dimmed" fw={400} size="sm">
              {" "}
              · {t(`sharing.${share.state}`)}
            </Text>
          )}
        </Text>
        <Text size="xs" c="dimmed">
          {share.name ? `${share.email} · ${inWords(share.rights)}` : inWords(share.rights)}
        </Text>
      </div>
      <Group gap={4} wrap="nowrap">
        <ActionIcon variant="subtle" color="gray" onClick={onChange} aria-label={t("sharing.changeOf", { who })}>
          <IconPencil size={18} />
        </ActionIcon>
        <ActionIcon
          variant="subtle"
          color="gray"
          onClick={ask}
          loading={end.isPending}
          aria-label={t("sharing.endOf", { who })}
        >
          <IconTrash size={18} />
        </ActionIcon>
      </Group>
    </div>
  );
}

function ShareForm(props: { server: ServerPage; share: Share | undefined; onClose: () => void }) {
  const { server, share, onClose } = props;
  const { t } = useTranslation();
  const again = useAgain(server);
  const form = useForm<{ email: string; rights: Right[] }>({
    initialValues: { email: share?.email ?? "", rights: share?.rights ?? ["power", "console"] },
  });
  const save = useMutation({
    mutationFn: async ({ email, rights }: { email: string; rights: Right[] }) => {
      if (share) await changeShare(server.uuid, share.id, { rights });
      else await invite(server.uuid, { email: email.trim(), rights });
    },
    onSuccess: async (_, { email }) => {
      await again();
      onClose();
      tell(share ? t("sharing.changed") : t("sharing.sent", { email: email.trim() }));
    },
    onError: (error) => form.setFieldError(share ? "rights" : "email", sentenceOf(error)),
  });
  return (
    <form onSubmit={form.onSubmit((values) => save.mutate(values))}>
      <Stack>
        {!share && (
          <TextInput
            type="email"
            label={t("sharing.email")}
            description={t("sharing.emailHint")}
            maxLength={191}
            required
            withAsterisk={false}
            data-autofocus
            autoComplete="off"
            {...form.getInputProps("email")}
          />
        )}
        <Checkbox.Group label={t("sharing.rights")} {...form.getInputProps("rights")}>
          <Stack gap="sm" mt="xs">
            {GIVEN.map((right) => (
              <Checkbox key={right} value={right} label={t(`right.${right}`)} description={t(`rightHint.${right}`)} />
            ))}
          </Stack>
        </Checkbox.Group>
        <Group justify="end">
          <Button variant="default" onClick={onClose}>
            {t("app.cancel")}
          </Button>
          <Button type="submit" loading={save.isPending}>
            {t(share ? "server.save" : "sharing.send")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Guest({ server }: { server: ServerPage }) {
  const { t } = useTranslation();
  const router = useRouter();
  const inWords = useRightsInWords();
  const leave = useMutation({
    mutationFn: () => leaveServer(server.uuid),
    onSuccess: async () => {
      await router.navigate({ to: "/" });
      await queryClient.invalidateQueries({ queryKey: serversQuery.queryKey, exact: true });
      queryClient.removeQueries({ queryKey: ["servers", server.uuid] });
      tell(t("sharing.left", { name: server.name }));
    },
    onError: tellFailure,
  });
  const ask = () =>
    askFirst({
      title: t("sharing.leaveAsk", { name: server.name }),
      text: t("sharing.leaveText"),
      confirm: t("sharing.leave"),
      onConfirm: () => leave.mutate(),
    });
  return (
    <Paper component="section" aria-labelledby="sharing">
      <Group justify="space-between" align="start">
        <div className={classes.jobWords}>
          <Title order={2} id="sharing">
            {t("sharing.title")}
          </Title>
          <Text size="sm">{t("sharing.by", { name: server.sharedBy })}</Text>
          <Text c="dimmed" size="sm">
            {t("sharing.youMay", { what: inWords(server.rights) })}
          </Text>
        </div>
        <Button variant="default" onClick={ask} loading={leave.isPending}>
          {t("sharing.leave")}
        </Button>
      </Group>
    </Paper>
  );
}
