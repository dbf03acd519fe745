// One's tokens of the API, for programs of one's own.
import {
  ActionIcon,
  Anchor,
  Button,
  Checkbox,
  Group,
  Modal,
  Paper,
  Select,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconApi, IconPlus, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ApiToken, CreateToken, Scope } from "../../api/generated/model";
import { createToken, revokeToken } from "../../api/generated/panel.ts";
import { queryClient, tokensQuery } from "../../api/queries.ts";
import { ago, moment } from "../../format.ts";
import { askFirst } from "../../parts/askFirst.tsx";
import { Secret } from "../../parts/Secret.tsx";
import { sentenceOf, tell, tellFailure } from "../../parts/said.ts";
import classes from "./Profile.module.css";
import { addressesOf, SCOPES, textOf } from "./scopes.ts";

const NAME_CHARS = 100;
const DAYS = [30, 90, 365];
const again = () => queryClient.invalidateQueries({ queryKey: tokensQuery.queryKey });

export function Tokens() {
  const { t } = useTranslation();
  const tokens = useQuery(tokensQuery);
  const [isOpen, setOpen] = useState(false);
  const [secret, setSecret] = useState<string>();
  const made = (shown: string) => {
    setOpen(false);
    setSecret(shown);
    void again();
  };
  return (
    <Paper component="section" aria-labelledby="tokens">
      <Group justify="space-between" align="start" mb="sm">
        <div className={classes.words}>
          <Title order={2} id="tokens">
            {t("tokens.title")}
          </Title>
          <Text c="dimmed" size="sm">
            {t("tokens.text")}{" "}
            <Anchor href="/api/docs/" target="_blank" inherit underline="always">
              {t("tokens.docs")}
            </Anchor>
          </Text>
        </div>
        <Button variant="default" leftSection={<IconPlus size={17} />} onClick={() => setOpen(true)}>
          {t("tokens.add")}
        </Button>
      </Group>
      {tokens.data?.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("tokens.none")}
        </Text>
      )}
      {tokens.data?.map((token) => (
        <TokenRow key={token.id} token={token} />
      ))}
      <Modal
        opened={isOpen}
        onClose={() => setOpen(false)}
        title={t("tokens.add")}
        closeButtonProps={{ "aria-label": t("app.close") }}
      >
        <TokenForm onMade={made} onClose={() => setOpen(false)} />
      </Modal>
      <Secret title={t("tokens.new")} secret={secret} what={t("tokens.new")} onStored={() => setSecret(undefined)} />
    </Paper>
  );
}

function TokenRow({ token }: { token: ApiToken }) {
  const { t } = useTranslation();
  const revoke = useMutation({
    mutationFn: () => revokeToken(token.id),
    onSuccess: () => tell(t("tokens.revoked")),
    onError: tellFailure,
    onSettled: again,
  });
  const ask = () =>
    askFirst({
      title: t("tokens.revokeAsk", { name: token.name }),
      text: t("tokens.revokeText"),
      confirm: t("tokens.revoke"),
      isGrave: true,
      onConfirm: () => revoke.mutate(),
    });
  const facts = [
    token.scopes.map((scope) => t(textOf(scope))).join(", "),
    token.allowedAddresses.length > 0 && t("tokens.from", { addresses: token.allowedAddresses.join(", ") }),
    token.lastUsed ? t("tokens.used", { when: ago(token.lastUsed) }) : t("tokens.never"),
    token.expires && !token.expired && t("tokens.until", { when: moment(token.expires) }),
  ];
  return (
    <div className={classes.row} data-testid="token">
      <IconApi size={20} aria-hidden className={classes.mark} />
      <div className={classes.words}>
        <Text fw={550} size="sm">
          {token.name}
          {token.expired && (
            <Text span c="dimmed" fw={400} size="sm">
              {" "}
              · {t("tokens.expired")}
            </Text>
          )}
        </Text>
        <Text size="xs" c="dimmed" title={moment(token.created)}>
          {facts.filter(Boolean).join(" · ")}
        </Text>
      </div>
      <ActionIcon
        variant="subtle"
        color="gray"
        onClick={ask}
        loading={revoke.isPending}
        aria-label={t("tokens.revokeOf", { name: token.name })}
      >
        <IconTrash size={18} />
      </ActionIcon>
    </div>
  );
}

interface Values {
  name: string;
  scopes: Scope[];
  days: string;
  addresses: string;
}

function TokenForm({ onMade, onClose }: { onMade: (secret: string) => void; onClose: () => void }) {
  const { t } = useTranslation();
  const form = useForm<Values>({
    initialValues: { name: "", scopes: ["servers:read"], days: "90", addresses: "" },
    validate: { scopes: (value) => (value.length > 0 ? null : t("tokens.chooseScopes")) },
  });
  const create = useMutation({
    mutationFn: (input: CreateToken) => createToken(input),
    onSuccess: ({ data }) => onMade(data.secret),
    onError: (error) => form.setFieldError("name", sentenceOf(error)),
  });
  const submit = form.onSubmit(({ name, scopes, days, addresses }) =>
    create.mutate({
      name,
      scopes,
      expiresInDays: days ? Number(days) : undefined,
      allowedAddresses: addressesOf(addresses),
    }),
  );
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label={t("tokens.name")}
          description={t("tokens.nameHint")}
          maxLength={NAME_CHARS}
          required
          withAsterisk={false}
          data-autofocus
          {...form.getInputProps("name")}
        />
        <Checkbox.Group label={t("tokens.scopes")} {...form.getInputProps("scopes")}>
          <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm" mt="xs">
            {SCOPES.map((scope) => (
              <Checkbox key={scope} value={scope} label={t(textOf(scope))} />
            ))}
          </SimpleGrid>
        </Checkbox.Group>
        <Select
          label={t("tokens.expires")}
          allowDeselect={false}
          data={[
            ...DAYS.map((count) => ({ value: String(count), label: t("tokens.days", { count }) })),
            { value: "", label: t("tokens.forever") },
          ]}
          {...form.getInputProps("days")}
        />
        <TextInput
          label={t("tokens.addresses")}
          description={t("tokens.addressesHint")}
          autoComplete="off"
          spellCheck={false}
          {...form.getInputProps("addresses")}
        />
        <Group justify="end">
          <Button variant="default" onClick={onClose}>
            {t("app.cancel")}
          </Button>
          <Button type="submit" loading={create.isPending}>
            {t("tokens.create")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
