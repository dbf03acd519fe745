// A fresh system for a server: which one, what it is called, whose keys it gets.
import { Alert, Button, Checkbox, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconChevronLeft, IconInfoCircle } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import type { BuildOrder } from "../../api/generated/model";
import { buildServer } from "../../api/generated/panel.ts";
import { queryClient, serverQuery, templatesQuery } from "../../api/queries.ts";
import cards from "../../parts/Cards.module.css";
import { KeyChoice } from "../../parts/KeyChoice.tsx";
import { LinkAnchor } from "../../parts/LinkButton.tsx";
import { Secret } from "../../parts/Secret.tsx";
import { Systems } from "../../parts/Systems.tsx";
import { sentenceOf } from "../../parts/said.ts";
import classes from "./Rebuild.module.css";
import { useServer } from "./Server.tsx";

/** RFC 1123. */
const HOSTNAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

interface Values {
  template: string;
  hostname: string;
  keys: string[];
  sure: boolean;
}

export function Rebuild() {
  const { t } = useTranslation();
  const server = useServer();
  const router = useRouter();
  const families = useQuery(templatesQuery(server.uuid));
  const [password, setPassword] = useState<string>();
  const isFirst = !server.built;
  const form = useForm<Values>({
    initialValues: { template: "", hostname: server.hostname ?? "", keys: [], sure: isFirst },
    validate: {
      template: (value) => (value ? null : t("rebuild.choose")),
      hostname: (value) => (HOSTNAME.test(value) ? null : t("rebuild.hostnameWrong")),
    },
  });
  const { setFieldValue } = form;
  const setKeys = useCallback((all: string[]) => setFieldValue("keys", all), [setFieldValue]);
  const build = useMutation({
    mutationFn: (order: BuildOrder) => buildServer(server.uuid, order),
    onSuccess: ({ data }) => {
      setPassword(data.password);
      void queryClient.invalidateQueries({ queryKey: serverQuery(server.uuid).queryKey });
    },
  });
  const leave = () => void router.navigate({ to: "/server/$uuid", params: { uuid: server.uuid } });
  const submit = form.onSubmit(({ template, hostname, keys }) =>
    build.mutate({ templateId: Number(template), hostname, sshKeys: keys.map(Number) }),
  );
  return (
    <Stack gap="lg" maw={760} mx="auto">
      <LinkAnchor to="/server/$uuid" params={{ uuid: server.uuid }} size="sm" className={classes.back}>
        <IconChevronLeft size={16} aria-hidden /> {server.name}
      </LinkAnchor>
      <div>
        <Title order={1}>{t(isFirst ? "rebuild.first" : "rebuild.title")}</Title>
        <Text c="dimmed">{t(isFirst ? "server.allocated" : "rebuild.text")}</Text>
      </div>
      <form onSubmit={submit} noValidate>
        <Stack gap="lg">
          <Paper component="section">
            <Systems
              families={families.data}
              template={form.values.template}
              onChoose={(template) => {
                form.setFieldValue("template", template);
                form.clearFieldError("template");
              }}
              error={form.errors.template}
            />
          </Paper>
          <Paper component="section">
            <TextInput
              label={t("rebuild.hostname")}
              description={t("rebuild.hostnameHint")}
              autoCapitalize="off"
              spellCheck={false}
              {...form.getInputProps("hostname")}
            />
          </Paper>
          <Paper component="section">
            <KeyChoice value={form.values.keys} onChange={setKeys} />
          </Paper>
          {build.isError && (
            <Alert className={cards.bad} icon={<IconInfoCircle />} role="alert">
              {sentenceOf(build.error)}
            </Alert>
          )}
          {!isFirst && (
            <Checkbox
              label={t("rebuild.sure", { name: server.name })}
              color="red.9"
              {...form.getInputProps("sure", { type: "checkbox" })}
            />
          )}
          <Group justify="end">
            <Button variant="default" onClick={leave}>
              {t("app.cancel")}
            </Button>
            <Button
              type="submit"
              color={isFirst ? undefined : "red.9"}
              disabled={!form.values.sure}
              loading={build.isPending}
            >
              {t(isFirst ? "rebuild.submitFirst" : "rebuild.submit")}
            </Button>
          </Group>
        </Stack>
      </form>
      <Secret title={t("rebuild.begun")} secret={password} onStored={leave}>
        <Text size="sm" fw={600}>
          {t("password.new")}
        </Text>
      </Secret>
    </Stack>
  );
}
