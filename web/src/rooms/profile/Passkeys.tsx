// One's passkeys: what logs in without a password.
import {
  ActionIcon,
  Button,
  Group,
  Modal,
  Paper,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
  Tooltip,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconFingerprint, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Passkey } from "../../api/generated/model";
import { addPasskey, proposePasskey, removePasskey, renamePasskey } from "../../api/generated/panel.ts";
import { hasPasskeys, makePasskey, NoPasskey } from "../../api/passkeys.ts";
import { passkeysQuery, queryClient, sessionQuery } from "../../api/queries.ts";
import { ago, moment } from "../../format.ts";
import { askFirst } from "../../parts/askFirst.tsx";
import { sentenceOf, tell, tellFailure } from "../../parts/said.ts";
import classes from "./Profile.module.css";

const NAME_CHARS = 100;
const again = () => queryClient.invalidateQueries({ queryKey: passkeysQuery.queryKey });

export function Passkeys() {
  const { t } = useTranslation();
  const { data } = useQuery(passkeysQuery);
  const [isOpen, setOpen] = useState(false);
  const close = () => setOpen(false);
  // Who has some sees them, also where they log nobody in.
  if (!data || (!data.on && data.passkeys.length === 0)) return null;
  const canAdd = data.on && hasPasskeys();
  return (
    <Paper component="section" aria-labelledby="passkeys">
      <Group justify="space-between" align="start" mb="sm">
        <div className={classes.words}>
          <Title order={2} id="passkeys">
            {t("passkeys.title")}
          </Title>
          <Text c="dimmed" size="sm">
            {data.on ? t("passkeys.text") : data.reason}
          </Text>
        </div>
        {canAdd && (
          <Button variant="default" leftSection={<IconPlus size={17} />} onClick={() => setOpen(true)}>
            {t("passkeys.add")}
          </Button>
        )}
      </Group>
      {data.passkeys.length === 0 && (
        <Text size="sm" c="dimmed">
          {t(canAdd ? "passkeys.none" : "passkeys.cannot")}
        </Text>
      )}
      {data.passkeys.map((passkey) => (
        <PasskeyRow key={passkey.id} passkey={passkey} />
      ))}
      <Modal
        opened={isOpen}
        onClose={close}
        title={t("passkeys.add")}
        closeButtonProps={{ "aria-label": t("app.close") }}
      >
        <PasskeyForm onClose={close} />
      </Modal>
    </Paper>
  );
}

function PasskeyRow({ passkey }: { passkey: Passkey }) {
  const { t } = useTranslation();
  const [isNamed, setNamed] = useState(false);
  const remove = useMutation({
    mutationFn: () => removePasskey(passkey.id),
    onSuccess: () => tell(t("passkeys.removed")),
    onError: tellFailure,
    onSettled: again,
  });
  const ask = () =>
    askFirst({
      title: t("passkeys.removeAsk", { name: passkey.name }),
      text: t("passkeys.removeText"),
      confirm: t("passkeys.remove"),
      isGrave: true,
      onConfirm: () => remove.mutate(),
    });
  const used = passkey.lastUsed ? t("passkeys.used", { when: ago(passkey.lastUsed) }) : t("passkeys.never");
  return (
    <div className={classes.row} data-testid="passkey">
      <IconFingerprint size={20} aria-hidden className={classes.mark} />
      <div className={classes.words}>
        <Text fw={550} size="sm">
          {passkey.name}
        </Text>
        <Text size="xs" c="dimmed" title={moment(passkey.created)}>
          {t("passkeys.added", { when: ago(passkey.created) })}, {used}
        </Text>
      </div>
      <Tooltip label={t("passkeys.rename")}>
        <ActionIcon
          variant="subtle"
          color="gray"
          onClick={() => setNamed(true)}
          aria-label={t("passkeys.renameOf", { name: passkey.name })}
        >
          <IconPencil size={18} />
        </ActionIcon>
      </Tooltip>
      <ActionIcon
        variant="subtle"
        color="gray"
        onClick={ask}
        loading={remove.isPending}
        aria-label={t("passkeys.removeOf", { name: passkey.name })}
      >
        <IconTrash size={18} />
      </ActionIcon>
      <Modal
        opened={isNamed}
        onClose={() => setNamed(false)}
        title={t("passkeys.rename")}
        closeButtonProps={{ "aria-label": t("app.close") }}
      >
        <NameForm passkey={passkey} onClose={() => setNamed(false)} />
      </Modal>
    </div>
  );
}

function NameForm({ passkey, onClose }: { passkey: Passkey; onClose: () => void }) {
  const { t } = useTranslation();
  const form = useForm({ initialValues: { name: passkey.name } });
  const rename = useMutation({
    mutationFn: (input: { name: string }) => renamePasskey(passkey.id, input),
    onSuccess: async () => {
      await again();
      onClose();
    },
    onError: (error) => form.setFieldError("name", sentenceOf(error)),
  });
  return (
    <form onSubmit={form.onSubmit((input) => rename.mutate(input))}>
      <Stack>
        <TextInput
          label={t("passkeys.name")}
          maxLength={NAME_CHARS}
          required
          withAsterisk={false}
          data-autofocus
          {...form.getInputProps("name")}
        />
        <Button type="submit" loading={rename.isPending}>
          {t("passkeys.save")}
        </Button>
      </Stack>
    </form>
  );
}

interface Wanted {
  name: string;
  password: string;
  code: string;
}

async function make({ name, password, code }: Wanted) {
  const { data } = await proposePasskey(code ? { password, code } : { password });
  return addPasskey({ name, credential: await makePasskey(data.options) });
}

function PasskeyForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { user } = useSuspenseQuery(sessionQuery).data;
  const form = useForm<Wanted>({ initialValues: { name: "", password: "", code: "" } });
  const add = useMutation({
    mutationFn: make,
    onSuccess: async () => {
      await again();
      onClose();
      tell(t("passkeys.made"));
    },
    onError: (error) => {
      form.setFieldValue("code", "");
      const none = error instanceof NoPasskey && t(error.isThere ? "passkeys.isThere" : "passkeys.notMade");
      form.setFieldError(user.twoFactor ? "code" : "password", none || sentenceOf(error));
    },
  });
  return (
    <form onSubmit={form.onSubmit((input) => add.mutate(input))}>
      <Stack>
        <Text size="sm">{t("passkeys.how")}</Text>
        <TextInput
          label={t("passkeys.name")}
          description={t("passkeys.nameHint")}
          maxLength={NAME_CHARS}
          required
          withAsterisk={false}
          data-autofocus
          {...form.getInputProps("name")}
        />
        <PasswordInput
          label={t("factor.password")}
          autoComplete="current-password"
          required
          withAsterisk={false}
          {...form.getInputProps("password")}
        />
        {user.twoFactor && (
          <TextInput
            label={t("factor.code")}
            description={t("factor.codeHint")}
            autoComplete="one-time-code"
            required
            withAsterisk={false}
            {...form.getInputProps("code")}
          />
        )}
        <Button type="submit" loading={add.isPending}>
          {t("passkeys.add")}
        </Button>
      </Stack>
    </form>
  );
}
