// The door: an address and a password, and a reason where another door did not open.
import { Alert, Anchor, Button, Container, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { type UseFormReturnType, useForm } from "@mantine/form";
import { IconInfoCircle } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { keepSecret, Refused } from "../api/call.ts";
import type { LoggedIn, LogIn } from "../api/generated/model";
import { logIn, showCode } from "../api/generated/panel.ts";
import { queryClient, sessionQuery } from "../api/queries.ts";
import { sentenceOf } from "../parts/said.ts";
import classes from "./Login.module.css";
import { OtherWays } from "./OtherWays.tsx";

const reasons = [
  "used",
  "expired",
  "unknown",
  "suspended",
  "staff",
  "code",
  "ended",
  "oidc-over",
  "oidc-browser",
  "oidc-denied",
  "oidc-away",
  "oidc-token",
  "oidc-unverified",
  "oidc-domain",
  "oidc-nobody",
  "oidc-other",
  "oidc-role",
  "oidc-stale",
  "oidc-stranger",
] as const;
const route = getRouteApi("/login");

/** What is asked for. */
type Asked =
  | "password"
  /** The password was right, and a code is wanted besides. */
  | "code"
  /** Another site vouched, and a code is wanted besides. */
  | "arrival";

interface Entry extends LogIn {
  asked: Asked;
}

export function Login() {
  const { t } = useTranslation();
  const { reason, next } = route.useSearch();
  // Who is logged in and comes here all the same is let through.
  const session = useQuery({ ...sessionQuery, retry: false, enabled: reason !== "ended" });
  const { begin, isIn } = useBegin(next ?? "/");
  const { form, asked, ask, enter } = useEntry(reason === "code" ? "arrival" : "password", begin);
  const sentence = useSentence(enter.error, enter.variables);
  const known = reasons.find((one) => one === reason);
  if (session.data && !isIn && !enter.isPending && !known) return <LetThrough to={next ?? "/"} />;
  const told = enter.isError || (known === "code" && asked !== "arrival") ? undefined : known;
  return (
    <Container component="main" size={440} className={classes.page}>
      <Stack align="center" gap={6} mb="xl">
        <img src="/favicon.svg" alt="" width={52} height={52} />
        <Title order={1} mt="sm">
          {t(asked === "password" ? "login.title" : "login.codeTitle")}
        </Title>
        <Text c="dimmed">{t("login.subtitle")}</Text>
      </Stack>
      <Paper p="xl" shadow="sm">
        <form onSubmit={form.onSubmit((input) => enter.mutate({ ...input, asked }))}>
          <Stack>
            {told && (
              <Alert icon={<IconInfoCircle />} variant="default" role="status">
                {t(`login.reason.${told}`)}
                <GoOn />
              </Alert>
            )}
            {sentence && (
              <Alert className={classes.refused} icon={<IconInfoCircle />} role="alert">
                {sentence}
              </Alert>
            )}
            <Fields form={form} asked={asked} />
            <Button type="submit" size="md" mt="xs" loading={enter.isPending}>
              {t("login.submit")}
            </Button>
            {asked === "password" ? (
              <>
                <Anchor component={Link} to="/forgotten" ta="center">
                  {t("login.forgotten")}
                </Anchor>
                <OtherWays next={next} isBusy={enter.isPending} onIn={begin} />
              </>
            ) : (
              <Button variant="subtle" onClick={() => ask("password")}>
                {t("login.back")}
              </Button>
            )}
          </Stack>
        </form>
      </Paper>
    </Container>
  );
}

function LetThrough({ to }: { to: string }) {
  const router = useRouter();
  useEffect(() => {
    void router.navigate({ href: to, replace: true });
  }, [router, to]);
  return null;
}

/** For whoever is logged in all the same: what came to nothing was a link, or a proof. */
function GoOn() {
  const { t } = useTranslation();
  const { data } = useQuery({ ...sessionQuery, enabled: false });
  if (!data) return null;
  return (
    <Anchor component={Link} to="/" inherit underline="always" display="block" mt="xs">
      {t("login.goOn", { name: data.user.name })}
    </Anchor>
  );
}

function Fields({ form, asked }: { form: UseFormReturnType<LogIn>; asked: Asked }) {
  const { t } = useTranslation();
  const email = useRef<HTMLInputElement>(null);
  // Also for whoever comes back from the code, whose field is gone.
  useEffect(() => {
    if (asked === "password") email.current?.focus();
  }, [asked]);
  // Browsers note which password was right, so the two stay where a code is asked for besides.
  const display = asked === "code" ? "none" : undefined;
  return (
    <>
      {asked !== "password" && (
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
      {asked !== "arrival" && (
        <>
          <TextInput
            display={display}
            label={t("login.email")}
            type="email"
            name="email"
            autoComplete="username"
            required
            withAsterisk={false}
            ref={email}
            {...form.getInputProps("email")}
          />
          <PasswordInput
            display={display}
            label={t("login.password")}
            name="password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            {...form.getInputProps("password")}
          />
        </>
      )}
    </>
  );
}

/** What every way in leads to: the session is known, and the page that was asked for is shown. */
function useBegin(next: string) {
  const router = useRouter();
  const [isIn, setIn] = useState(false);
  const begin = async (data: LoggedIn) => {
    setIn(true);
    keepSecret(data.csrf);
    queryClient.clear();
    queryClient.setQueryData(sessionQuery.queryKey, data);
    await router.navigate({ href: next });
  };
  return { begin, isIn };
}

/** The form, what it asks for, and the way in. */
function useEntry(first: Asked, begin: (data: LoggedIn) => Promise<void>) {
  const form = useForm<LogIn>({ initialValues: { email: "", password: "", code: "" } });
  const [asked, ask] = useState(first);
  const enter = useMutation({
    mutationKey: ["login"],
    mutationFn: ({ asked, code, ...input }: Entry) => {
      if (asked === "arrival") return showCode({ code: code ?? "" });
      return logIn(code ? { ...input, code } : input);
    },
    onSuccess: ({ data }) => begin(data),
    onError: (error) => {
      form.setFieldValue("code", "");
      const after = asksNext(error, asked);
      if (after === "password") form.setFieldValue("password", "");
      ask(after);
    },
  });
  return { form, asked, ask, enter };
}

function asksNext(error: unknown, asked: Asked): Asked {
  const isRefused = error instanceof Refused && error.status === 401;
  // Whoever has to wait may show the code then.
  if (asked === "arrival") return isRefused && !error.needsCode ? "password" : "arrival";
  return isRefused && error.needsCode ? "code" : "password";
}

function useSentence(error: unknown, entry: Entry | undefined): string | undefined {
  const { t } = useTranslation();
  if (!error) return undefined;
  if (!(error instanceof Refused) || error.status !== 401) return sentenceOf(error);
  if (!error.needsCode) return t(entry?.asked === "arrival" ? "login.codeLate" : "login.wrong");
  return entry?.code ? t("login.codeWrong") : undefined;
}

function focusOnce(input: HTMLInputElement | null) {
  input?.focus();
}
