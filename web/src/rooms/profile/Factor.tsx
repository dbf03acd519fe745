// One's second factor: switched on with a phone at hand, and off with it or a recovery code.
import {
  Button,
  Code,
  CopyButton,
  Group,
  Modal,
  Paper,
  PasswordInput,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQuery } from "@tanstack/react-query";
import { QRCodeSVG } from "qrcode.react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Proposal, Prove } from "../../api/generated/model";
import { confirmFactor, endFactor, proposeFactor, renewCodes } from "../../api/generated/panel.ts";
import { factorQuery, queryClient, sessionQuery } from "../../api/queries.ts";
import { Copy } from "../../parts/Copy.tsx";
import { sentenceOf, tell } from "../../parts/said.ts";
import classes from "./Profile.module.css";

type Asking = "on" | "off" | "renew";

function again() {
  void queryClient.invalidateQueries({ queryKey: factorQuery.queryKey });
  void queryClient.invalidateQueries({ queryKey: sessionQuery.queryKey });
}

export function Factor() {
  const { t } = useTranslation();
  const { data: factor } = useQuery(factorQuery);
  const [asking, setAsking] = useState<Asking>();
  const [codes, setCodes] = useState<string[]>();
  const done = (made?: string[]) => {
    setAsking(undefined);
    setCodes(made);
    again();
  };
  const close = () => setAsking(undefined);
  return (
    <Paper component="section" aria-labelledby="factor">
      <Group justify="space-between" align="start">
        <div className={classes.words}>
          <Group gap="xs">
            <Title order={2} id="factor">
              {t("factor.title")}
            </Title>
            {factor && (
              <span className={classes.chip} data-on={factor.on || undefined} data-testid="factor">
                {t(factor.on ? "factor.on" : "factor.off")}
              </span>
            )}
          </Group>
          <Text c="dimmed" size="sm">
            {factor?.on ? t("factor.left", { count: factor.recoveryCodesLeft }) : t("factor.text")}
          </Text>
        </div>
        {factor?.on && (
          <Group gap="xs">
            <Button variant="default" onClick={() => setAsking("renew")}>
              {t("factor.renew")}
            </Button>
            <Button variant="default" onClick={() => setAsking("off")}>
              {t("factor.switchOff")}
            </Button>
          </Group>
        )}
        {factor && !factor.on && (
          <Button variant="default" onClick={() => setAsking("on")}>
            {t("factor.switchOn")}
          </Button>
        )}
      </Group>
      <Modal
        opened={asking !== undefined}
        onClose={close}
        title={t(asking === "renew" ? "factor.renew" : asking === "off" ? "factor.switchOff" : "factor.title")}
        closeButtonProps={{ "aria-label": t("app.close") }}
      >
        {asking === "on" && <SwitchOn onDone={done} />}
        {(asking === "off" || asking === "renew") && <Proof asking={asking} onDone={done} />}
      </Modal>
      <Codes codes={codes} onStored={() => setCodes(undefined)} />
    </Paper>
  );
}

function SwitchOn({ onDone }: { onDone: (codes: string[]) => void }) {
  const { t } = useTranslation();
  const [made, setMade] = useState<Proposal>();
  const form = useForm({ initialValues: { password: "", code: "" } });
  const propose = useMutation({
    mutationFn: (password: string) => proposeFactor({ password }),
    onSuccess: ({ data }) => setMade(data),
    onError: (error) => form.setFieldError("password", sentenceOf(error)),
  });
  const confirm = useMutation({
    mutationFn: (code: string) => confirmFactor({ code }),
    onSuccess: ({ data }) => onDone(data.codes),
    onError: (error) => form.setFieldError("code", sentenceOf(error)),
  });
  const submit = form.onSubmit(({ password, code }) => (made ? confirm.mutate(code) : propose.mutate(password)));
  return (
    <form onSubmit={submit}>
      <Stack>
        {made ? (
          <>
            <Text size="sm">{t("factor.scan")}</Text>
            <div className={classes.picture}>
              <QRCodeSVG value={made.uri} size={180} title={t("factor.picture")} />
            </div>
            <Group gap="xs" wrap="nowrap">
              <Code flex={1} p="xs" className={classes.secret} data-testid="factor-secret">
                {made.secret}
              </Code>
              <Copy value={made.secret} what={t("factor.key")} />
            </Group>
            <TextInput
              label={t("factor.code")}
              inputMode="numeric"
              autoComplete="one-time-code"
              data-autofocus
              {...form.getInputProps("code")}
            />
          </>
        ) : (
          <PasswordInput
            label={t("factor.password")}
            autoComplete="current-password"
            data-autofocus
            {...form.getInputProps("password")}
          />
        )}
        <Button type="submit" loading={propose.isPending || confirm.isPending}>
          {t(made ? "factor.switchOn" : "factor.next")}
        </Button>
      </Stack>
    </form>
  );
}

function Proof({ asking, onDone }: { asking: "off" | "renew"; onDone: (codes?: string[]) => void }) {
  const { t } = useTranslation();
  const form = useForm<Prove>({ initialValues: { password: "", code: "" } });
  const prove = useMutation({
    mutationFn: async (input: Prove) => (asking === "renew" ? (await renewCodes(input)).data.codes : endFactor(input)),
    onSuccess: (codes) => {
      if (!codes) tell(t("factor.ended"));
      onDone(codes ?? undefined);
    },
    onError: (error) => form.setFieldError("code", sentenceOf(error)),
  });
  return (
    <form onSubmit={form.onSubmit((input) => prove.mutate(input))}>
      <Stack>
        <PasswordInput
          label={t("factor.password")}
          autoComplete="current-password"
          data-autofocus
          {...form.getInputProps("password")}
        />
        <TextInput
          label={t("factor.code")}
          description={t("factor.codeHint")}
          autoComplete="one-time-code"
          {...form.getInputProps("code")}
        />
        <Button type="submit" loading={prove.isPending} color={asking === "off" ? "red.9" : undefined}>
          {t(asking === "off" ? "factor.switchOff" : "factor.renew")}
        </Button>
      </Stack>
    </form>
  );
}

function Codes({ codes, onStored }: { codes: string[] | undefined; onStored: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal
      opened={codes !== undefined}
      onClose={onStored}
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
      title={t("factor.codesTitle")}
    >
      <Stack>
        <Text size="sm">{t("factor.codesText")}</Text>
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="xs">
          {codes?.map((code) => (
            <Code key={code} p="xs" ta="center" data-testid="recovery-code">
              {code}
            </Code>
          ))}
        </SimpleGrid>
        <CopyButton value={codes?.join("\n") ?? ""}>
          {({ copied, copy }) => (
            <Button variant="default" onClick={copy}>
              {t(copied ? "app.copied" : "factor.copyCodes")}
            </Button>
          )}
        </CopyButton>
        <Button onClick={onStored}>{t("factor.stored")}</Button>
      </Stack>
    </Modal>
  );
}
