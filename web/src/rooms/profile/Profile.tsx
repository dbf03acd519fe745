// One's own account.
import { Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { sessionQuery } from "../../api/queries.ts";
import { Factor } from "./Factor.tsx";
import { Identities } from "./Identities.tsx";
import { Keys } from "./Keys.tsx";
import { Language } from "./Language.tsx";
import { Passkeys } from "./Passkeys.tsx";
import { Password } from "./Password.tsx";
import { Sessions } from "./Sessions.tsx";
import { Tokens } from "./Tokens.tsx";

export function Profile() {
  const { t } = useTranslation();
  const { user } = useSuspenseQuery(sessionQuery).data;
  return (
    <Stack gap="lg" maw={760} mx="auto">
      <Title order={1}>{t("profile.title")}</Title>
      <Paper component="section" aria-labelledby="account">
        <Title order={2} id="account" mb="md">
          {t("profile.account")}
        </Title>
        <SimpleGrid component="dl" cols={{ base: 1, xs: 3 }} m={0}>
          <Fact label={t("profile.name")} value={user.name} />
          <Fact label={t("profile.email")} value={user.email} />
          <Fact label={t("profile.timezone")} value={user.timezone} />
        </SimpleGrid>
        <Language />
      </Paper>
      <Password />
      <Factor />
      <Passkeys />
      <Identities />
      <Keys />
      <Tokens />
      <Sessions />
    </Stack>
  );
}

function Fact({ label, value }: { label: string; value: string }) {
  return (
    <div>
      <Text component="dt" size="sm" c="dimmed">
        {label}
      </Text>
      <Text component="dd" m={0} style={{ overflowWrap: "anywhere" }}>
        {value}
      </Text>
    </div>
  );
}
