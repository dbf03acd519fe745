// A fresh system for a server: which one, what it is called, whose keys it gets.
import {
  Alert,
  Button,
  Checkbox,
  Group,
  Paper,
  Radio,
  Select,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconChevronLeft, IconInfoCircle } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { BuildOrder, Choice, Family } from "../../api/generated/model";
import { buildServer } from "../../api/generated/panel.ts";
import { keysQuery, queryClient, serverQuery, templatesQuery } from "../../api/queries.ts";
import { LinkAnchor } from "../../parts/LinkButton.tsx";
import { Secret } from "../../parts/Secret.tsx";
import { SystemIcon } from "../../parts/SystemIcon.tsx";
import { sentenceOf } from "../../parts/said.ts";
import classes from "./Rebuild.module.css";
import { useServer } from "./Server.tsx";

/** RFC 1123. */
const HOSTNAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

interface Values {
  family: string;
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
  const keys = useQuery(keysQuery);
  const [password, setPassword] = useState<string>();
  const isFirst = !server.built;
  const form = useForm<Values>({
    initialValues: { family: "", template: "", hostname: server.hostname ?? "", keys: [], sure: isFirst },
    validate: {
      template: (value) => (value ? null : t("rebuild.choose")),
      hostname: (value) => (HOSTNAME.test(value) ? null : t("rebuild.hostnameWrong")),
    },
  });
  // Every key, until some are taken away.
  const { setFieldValue } = form;
  useEffect(() => {
    if (keys.data)
      setFieldValue(
        "keys",
        keys.data.map((key) => String(key.id)),
      );
  }, [keys.data, setFieldValue]);
  const build = useMutation({
    mutationFn: (order: BuildOrder) => buildServer(server.uuid, order),
    onSuccess: ({ data }) => {
      setPassword(data.password);
      void queryClient.invalidateQueries({ queryKey: serverQuery(server.uuid).queryKey });
    },
  });
  const leave = () => void router.navigate({ to: "/server/$uuid", params: { uuid: server.uuid } });
  const choose = (family: Family) => {
    form.setValues({ family: family.name, template: String(family.templates[0]?.id ?? "") });
    form.clearFieldError("template");
  };
  const submit = form.onSubmit(({ template, hostname, keys }) =>
    build.mutate({ templateId: Number(template), hostname, sshKeys: keys.map(Number) }),
  );
  const chosen = families.data?.find((family) => family.name === form.values.family);
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
            <Radio.Group
              label={t("rebuild.system")}
              value={form.values.family}
              onChange={(name) => {
                const family = families.data?.find((one) => one.name === name);
                if (family) choose(family);
              }}
              error={form.errors.template}
              classNames={{ label: classes.label }}
            >
              <SimpleGrid cols={{ base: 1, xs: 2, sm: 3 }} spacing="sm" mt="sm">
                {families.data?.map((family) => (
                  <Radio.Card key={family.name} value={family.name} className={classes.card} p="md">
                    <Group gap="sm" wrap="nowrap">
                      <SystemIcon icon={family.icon} name={family.name} />
                      <Text fw={600} size="sm">
                        {family.name}
                      </Text>
                    </Group>
                  </Radio.Card>
                ))}
              </SimpleGrid>
            </Radio.Group>
            {families.data?.length === 0 && <Text c="dimmed">{t("rebuild.none")}</Text>}
            {chosen && (
              <Select
                mt="md"
                label={t("rebuild.version")}
                allowDeselect={false}
                data={chosen.templates.map((one) => ({ value: String(one.id), label: nameOf(one) }))}
                {...form.getInputProps("template")}
                error={undefined}
              />
            )}
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
            <Checkbox.Group
              label={t("rebuild.keys")}
              {...form.getInputProps("keys")}
              classNames={{ label: classes.label }}
            >
              <Stack gap="sm" mt="sm">
                {keys.data?.map((key) => (
                  <Checkbox key={key.id} value={String(key.id)} label={key.name} description={key.type} />
                ))}
              </Stack>
            </Checkbox.Group>
            {keys.data?.length === 0 && (
              <Text size="sm" c="dimmed">
                {t("rebuild.keysNone")}
              </Text>
            )}
          </Paper>
          {build.isError && (
            <Alert className={classes.bad} icon={<IconInfoCircle />} role="alert">
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

function nameOf({ name, version, variant }: Choice): string {
  return [name, version, variant].filter(Boolean).join(" ");
}
