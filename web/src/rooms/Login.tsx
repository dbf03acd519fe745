// The door: an address and a password, and a reason where another door did not open.
import { Alert, Anchor, Button, Container, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconInfoCircle } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, Navigate, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { keepSecret, Refused } from "../api/call.ts";
import type { LogIn } from "../api/generated/model";
import { logIn } from "../api/generated/panel.ts";
import { queryClient, sessionQuery } from "../api/queries.ts";
import { sentenceOf } from "../parts/said.ts";
import classes from "./Login.module.css";

const reasons = ["used", "expired", "unknown", "suspended", "ended"] as const;
const route = getRouteApi("/login");

export function Login() {
  const { t } = useTranslation();
  const { reason, next } = route.useSearch();
  const router = useRouter();
  // Who is logged in and comes here all the same is let through.
  const session = useQuery({ ...sessionQuery, retry: false, enabled: reason !== "ended" });
  const form = useForm<LogIn>({ initialValues: { email: "", password: "", code: "" } });
  // The password was right, and a code is wanted besides.
  const [asksCode, setAsksCode] = useState(false);
  const enter = useMutation({
    mutationKey: ["login"],
    mutationFn: ({ code, ...input }: LogIn) => logIn(code ? { ...input, code } : input),
    onSuccess: async ({ data }) => {
      keepSecret(data.csrf);
      queryClient.clear();
      queryClient.setQueryData(sessionQuery.queryKey, data);
      await router.navigate({ href: next ?? "/" });
    },
    onError: (error) => {
      form.setFieldValue("code", "");
      if (error instanceof Refused && error.needsCode) return setAsksCode(true);
      form.setFieldValue("password", "");
      setAsksCode(false);
    },
  });
  const sentence = useSentence(enter.error, enter.variables?.code);
  const known = reasons.find((one) => one === reason);
  if (session.data && !enter.isPending && !known) return <Navigate to="/" />;
  return (
    <Container component="main" size={440} className={classes.page}>
      <Stack align="center" gap={6} mb="xl">
        <img src="/favicon.svg" alt="" width={52} height={52} />
        <Title order={1} mt="sm">
          {t(asksCode ? "login.codeTitle" : "login.title")}
        </Title>
        <Text c="dimmed">{t("login.subtitle")}</Text>
      </Stack>
      <Paper p="xl" shadow="sm">
        <form onSubmit={form.onSubmit((input) => enter.mutate(input))}>
          <Stack>
            {known && !enter.isError && (
              <Alert icon={<IconInfoCircle />} variant="default" role="status">
                {t(`login.reason.${known}`)}
              </Alert>
            )}
            {sentence && (
              <Alert className={classes.refused} icon={<IconInfoCircle />} role="alert">
                {sentence}
              </Alert>
            )}
            {asksCode && (
              <TextInput
                label={t("login.code")}
                description={t("login.codeHint")}
                name="code"
                autoComplete="one-time-code"
                required
                withAsterisk={false}
                ref={focusOnce}
                {...form.getInputProps("code")}
              />
            )}
            <TextInput
              display={asksCode ? "none" : undefined}
              label={t("login.email")}
              type="email"
              name="email"
              autoComplete="username"
              required
              withAsterisk={false}
              autoFocus
              {...form.getInputProps("email")}
            />
            <PasswordInput
              display={asksCode ? "none" : undefined}
              label={t("login.password")}
              name="password"
              autoComplete="current-password"
              required
              withAsterisk={false}
              {...form.getInputProps("password")}
            />
            <Button type="submit" size="md" mt="xs" loading={enter.isPending}>
              {t("login.submit")}
            </Button>
            {!asksCode && (
              <Anchor component={Link} to="/forgotten" ta="center">
                {t("login.forgotten")}
              </Anchor>
            )}
            {asksCode && (
              <Button variant="subtle" onClick={() => setAsksCode(false)}>
                {t("login.back")}
              </Button>
            )}
          </Stack>
        </form>
      </Paper>
    </Container>
  );
}

function useSentence(error: unknown, code: string | null | undefined): string | undefined {
  const { t } = useTranslation();
  if (!error) return undefined;
  if (!(error instanceof Refused) || error.status !== 401) return sentenceOf(error);
  if (!error.needsCode) return t("login.wrong");
  return code ? t("login.codeWrong") : undefined;
}

function focusOnce(input: HTMLInputElement | null) {
  input?.focus();
}
