// One's SSH keys.
import { ActionIcon, Button, Group, Modal, Paper, Stack, Text, Textarea, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconKey, IconPlus, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { AddKey, Key } from "../../api/generated/model";
import { addKey, removeKey } from "../../api/generated/panel.ts";
import { keysQuery, queryClient } from "../../api/queries.ts";
import { ago, moment } from "../../format.ts";
import { askFirst } from "../../parts/askFirst.tsx";
import { sentenceOf, tell, tellFailure } from "../../parts/said.ts";
import classes from "./Profile.module.css";

const NAME_CHARS = 191;
const again = () => queryClient.invalidateQueries({ queryKey: keysQuery.queryKey });

export function Keys() {
  const { t } = useTranslation();
  const keys = useQuery(keysQuery);
  const [isOpen, setOpen] = useState(false);
  return (
    <Paper component="section" aria-labelledby="keys">
      <Group justify="space-between" align="start" mb="sm">
        <div>
          <Title order={2} id="keys">
            {t("profile.keys")}
          </Title>
          <Text c="dimmed" size="sm">
            {t("profile.keysText")}
          </Text>
        </div>
        <Button variant="default" leftSection={<IconPlus size={17} />} onClick={() => setOpen(true)}>
          {t("profile.addKey")}
        </Button>
      </Group>
      {keys.data?.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("profile.keysNone")}
        </Text>
      )}
      {keys.data?.map((key) => (
        <KeyRow key={key.id} value={key} />
      ))}
      <AddKeyModal isOpen={isOpen} onClose={() => setOpen(false)} />
    </Paper>
  );
}

function KeyRow({ value }: { value: Key }) {
  const { t } = useTranslation();
  const remove = useMutation({
    mutationFn: () => removeKey(value.id),
    onSuccess: async () => {
      await again();
      tell(t("profile.removed"));
    },
    onError: tellFailure,
  });
  const ask = () =>
    askFirst({
      title: t("profile.removeKeyAsk", { name: value.name }),
      text: t("profile.removeKeyText"),
      confirm: t("profile.remove"),
      isGrave: true,
      onConfirm: () => remove.mutate(),
    });
  return (
    <div className={classes.row} data-testid="key">
      <IconKey size={20} aria-hidden className={classes.mark} />
      <div className={classes.words}>
        <Text fw={550} size="sm">
          {value.name}
        </Text>
        <Text size="xs" c="dimmed" title={moment(value.created)}>
          {value.type}, {ago(value.created)}
        </Text>
      </div>
      <ActionIcon
        variant="subtle"
        color="gray"
        onClick={ask}
        loading={remove.isPending}
        aria-label={t("profile.removeKey", { name: value.name })}
      >
        <IconTrash size={18} />
      </ActionIcon>
    </div>
  );
}

function AddKeyModal({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const form = useForm<AddKey>({ initialValues: { name: "", publicKey: "" } });
  const close = () => {
    form.reset();
    onClose();
  };
  const add = useMutation({
    mutationFn: (input: AddKey) => addKey(input),
    onSuccess: async () => {
      await again();
      close();
      tell(t("profile.added"));
    },
    onError: (error) => form.setFieldError("publicKey", sentenceOf(error)),
  });
  // The comment at a key's end is what its owner calls it.
  const paste = (text: string) => {
    form.setFieldValue("publicKey", text);
    const comment = text.trim().split(/\s+/).slice(2).join(" ");
    if (!form.values.name && comment) form.setFieldValue("name", comment.slice(0, NAME_CHARS));
  };
  return (
    <Modal
      opened={isOpen}
      onClose={close}
      title={t("profile.addKey")}
      closeButtonProps={{ "aria-label": t("app.close") }}
    >
      <form onSubmit={form.onSubmit((input) => add.mutate({ ...input, publicKey: input.publicKey.trim() }))}>
        <Stack>
          <Textarea
            label={t("profile.publicKey")}
            description={t("profile.publicKeyHint")}
            rows={4}
            required
            withAsterisk={false}
            data-autofocus
            spellCheck={false}
            {...form.getInputProps("publicKey")}
            onChange={(event) => paste(event.currentTarget.value)}
          />
          <TextInput
            label={t("profile.keyName")}
            maxLength={NAME_CHARS}
            required
            withAsterisk={false}
            {...form.getInputProps("name")}
          />
          <Group justify="end">
            <Button variant="default" onClick={close}>
              {t("app.cancel")}
            </Button>
            <Button type="submit" loading={add.isPending}>
              {t("profile.add")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
