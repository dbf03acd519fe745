// A new password for oneself.
import { Button, Group, Paper, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useSuspenseQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Refused } from "../../api/call.ts";
import { changePassword } from "../../api/generated/panel.ts";
import { queryClient, sessionQuery, sessionsQuery } from "../../api/queries.ts";
import { sentenceOf, tell } from "../../parts/said.ts";

const LEAST = 12;
const MOST = 200;

export function Password() {
  const { t } = useTranslation();
  const { user } = useSuspenseQuery(sessionQuery).data;
  const form = useForm({
    initialValues: { current: "", next: "", again: "" },
    validate: {
      next: (value) => (value.length >= LEAST && value.length <= MOST ? null : t("profile.tooShort")),
      again: (value, { next }) => (value === next ? null : t("profile.notSame")),
    },
  });
  const change = useMutation({
    mutationFn: ({ current, next }: { current: string; next: string }) => changePassword({ current, new: next }),
    onSuccess: () => {
      form.reset();
      tell(t("profile.changed"));
      void queryClient.invalidateQueries({ queryKey: sessionsQuery.queryKey });
    },
    onError: (error) => {
      if (error instanceof Refused && error.status === 401) return;
      form.setFieldError("current", sentenceOf(error));
    },
  });
  return (
    <Paper component="section" aria-labelledby="password">
      <Title order={2} id="password">
        {t("profile.passwordTitle")}
      </Title>
      <Text c="dimmed" size="sm" mb="md">
        {t("profile.passwordText")}
      </Text>
      <form onSubmit={form.onSubmit((values) => change.mutate(values))}>
        <Stack>
          <input type="text" name="username" autoComplete="username" value={user.email} readOnly hidden />
          <PasswordInput
            label={t("profile.current")}
            autoComplete="current-password"
            {...form.getInputProps("current")}
          />
          <PasswordInput
            label={t("profile.new")}
            description={t("profile.newHint")}
            autoComplete="new-password"
            {...form.getInputProps("next")}
          />
          <PasswordInput label={t("profile.again")} autoComplete="new-password" {...form.getInputProps("again")} />
          <Group justify="end">
            <Button type="submit" loading={change.isPending} disabled={!form.values.current || !form.values.next}>
              {t("profile.change")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Paper>
  );
}
