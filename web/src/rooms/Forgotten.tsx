// For whoever forgot a password: a link is mailed, and its page takes the new one.
import { Alert, Anchor, Button, Container, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconInfoCircle } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { ForgottenPassword } from "../api/generated/model";
import { forgotPassword, setForgottenPassword } from "../api/generated/panel.ts";
import { sentenceOf } from "../parts/said.ts";
import classes from "./Login.module.css";

export function Forgotten() {
  const { t } = useTranslation();
  const form = useForm<ForgottenPassword>({ initialValues: { email: "" } });
  const ask = useMutation({ mutationKey: ["login"], mutationFn: (input: ForgottenPassword) => forgotPassword(input) });
  return (
    <Door title={t("forgotten.title")} error={ask.error} done={ask.isSuccess && t("forgotten.sent")}>
      <form onSubmit={form.onSubmit((input) => ask.mutate(input))}>
        <Stack>
          <Text>{t("forgotten.text")}</Text>
          <TextInput
            label={t("login.email")}
            type="email"
            name="email"
            autoComplete="username"
            required
            withAsterisk={false}
            autoFocus
            {...form.getInputProps("email")}
          />
          <Button type="submit" size="md" loading={ask.isPending}>
            {t("forgotten.submit")}
          </Button>
        </Stack>
      </form>
    </Door>
  );
}

export function NewPassword() {
  const { t } = useTranslation();
  const form = useForm({
    initialValues: { password: "", again: "" },
    validate: { again: (again, { password }) => (again === password ? null : t("newPassword.differ")) },
  });
  const set = useMutation({
    mutationKey: ["login"],
    // Behind the `#`, so that no log on the way holds it.
    mutationFn: (password: string) => setForgottenPassword({ token: location.hash.slice(1), new: password }),
  });
  return (
    <Door title={t("newPassword.title")} error={set.error} done={set.isSuccess && t("newPassword.done")}>
      <form onSubmit={form.onSubmit(({ password }) => set.mutate(password))}>
        <Stack>
          <PasswordInput
            label={t("newPassword.new")}
            description={t("newPassword.hint")}
            name="new-password"
            autoComplete="new-password"
            minLength={12}
            maxLength={200}
            required
            withAsterisk={false}
            autoFocus
            {...form.getInputProps("password")}
          />
          <PasswordInput
            label={t("newPassword.again")}
            name="again"
            autoComplete="new-password"
            required
            withAsterisk={false}
            {...form.getInputProps("again")}
          />
          <Button type="submit" size="md" loading={set.isPending}>
            {t("newPassword.submit")}
          </Button>
        </Stack>
      </form>
    </Door>
  );
}

/** What stands before the login: a form, until it is done. */
function Door({
  title,
  error,
  done,
  children,
}: {
  title: string;
  error: unknown;
  done: string | false;
  children: ReactNode;
}) {
  const { t } = useTranslation();
  return (
    <Container component="main" size={440} className={classes.page}>
      <Stack align="center" gap={6} mb="xl">
        <img src="/favicon.svg" alt="" width={52} height={52} />
        <Title order={1} mt="sm">
          {title}
        </Title>
      </Stack>
      <Paper p="xl" shadow="sm">
        <Stack>
          {Boolean(error) && (
            <Alert className={classes.refused} icon={<IconInfoCircle />} role="alert">
              {sentenceOf(error)}
            </Alert>
          )}
          {done ? <Text role="status">{done}</Text> : children}
          <Anchor component={Link} to="/login" ta="center">
            {t("forgotten.back")}
          </Anchor>
        </Stack>
      </Paper>
    </Container>
  );
}
