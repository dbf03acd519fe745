// What one has, what one used, and what was booked.
import { Alert, Grid, Group, Paper, Select, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useSuspenseQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Billing as Standing } from "../../api/generated/model";
import { billingQuery } from "../../api/queries.ts";
import { moment, monthName } from "../../format.ts";
import { money } from "../../parts/money.ts";
import classes from "./Billing.module.css";
import { Ledger } from "./Ledger.tsx";
import { Packs } from "./Packs.tsx";
import { Statements } from "./Statements.tsx";
import { Usage } from "./Usage.tsx";

export function Billing() {
  const { t } = useTranslation();
  const { data: standing } = useSuspenseQuery(billingQuery);
  const [chosen, setChosen] = useState<string>();
  const month = chosen ?? standing.months[0]?.month ?? "";
  return (
    <Stack gap="lg">
      <Group justify="space-between" align="end">
        <Title order={1}>{t("billing.title")}</Title>
        <Select
          label={t("billing.month")}
          allowDeselect={false}
          data={standing.months.map((one) => ({ value: one.month, label: monthName(one.month) }))}
          value={month}
          onChange={(one) => setChosen(one ?? undefined)}
          w={{ base: "100%", xs: 220 }}
        />
      </Group>
      <Warning standing={standing} />
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 8 }} order={{ base: 2, md: 1 }}>
          <Stack gap="lg">
            <Usage month={month} />
            <Ledger key={month} month={month} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }} order={{ base: 1, md: 2 }}>
          <Stack gap="lg">
            <Paper component="section" aria-labelledby="balance">
              <Title order={2} id="balance">
                {t("billing.balance")}
              </Title>
              <Text className={classes.balance} data-low={standing.low || undefined} data-testid="balance">
                {money(standing.credit, standing.currency)}
              </Text>
              <Text size="sm" c="dimmed">
                {t(standing.prepaid ? "billing.prepaid" : "billing.postpaid")}
              </Text>
            </Paper>
            <Packs packs={standing.packs} hourly={standing.hourlyPack ?? undefined} />
            <Statements months={standing.months} />
          </Stack>
        </Grid.Col>
      </Grid>
    </Stack>
  );
}

function Warning({ standing }: { standing: Standing }) {
  const { t } = useTranslation();
  const { low, outSince, suspended } = standing;
  if (!low && !suspended) return null;
  const text = suspended
    ? t("billing.suspended", { when: moment(suspended) })
    : outSince
      ? t("billing.out", { when: moment(outSince) })
      : t("billing.low");
  return (
    <Alert className={suspended || outSince ? classes.bad : classes.warn} icon={<IconAlertTriangle />} role="status">
      {text}
    </Alert>
  );
}
