// What a month's servers cost, each with a bar of its part.
import { Group, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Bill, BillServer } from "../../api/generated/model";
import { billQuery } from "../../api/queries.ts";
import { money } from "../../parts/money.ts";
import { sentenceOf } from "../../parts/said.ts";
import classes from "./Billing.module.css";

export function Usage({ month }: { month: string }) {
  const { t } = useTranslation();
  const bill = useQuery(billQuery(month));
  return (
    <Paper component="section" aria-labelledby="usage">
      <Group justify="space-between" align="baseline" mb="md">
        <Title order={2} id="usage">
          {t("billing.usage")}
        </Title>
        {bill.data && <Text className={classes.sum}>{money(bill.data.total, bill.data.currency)}</Text>}
      </Group>
      {bill.isError && <Text size="sm">{sentenceOf(bill.error)}</Text>}
      {bill.data?.servers.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("billing.noUsage")}
        </Text>
      )}
      <Stack gap="md">
        {bill.data?.servers.map((server) => (
          <Bar key={server.uuid} server={server} bill={bill.data} />
        ))}
      </Stack>
      {bill.data && <Tax bill={bill.data} />}
    </Paper>
  );
}

function Bar({ server, bill }: { server: BillServer; bill: Bill }) {
  const { t } = useTranslation();
  const most = Math.max(...bill.servers.map((one) => one.amount.tokens));
  const name = server.name || server.uuid;
  return (
    <div data-testid="usage">
      <Group justify="space-between" wrap="nowrap" gap="md" align="baseline">
        <Text size="sm" fw={550} className={classes.name}>
          {name}
        </Text>
        <Text size="sm" className={classes.figure}>
          {money(server.amount, bill.currency)}
        </Text>
      </Group>
      <Progress
        mt={6}
        size="sm"
        radius="xl"
        color="harbour.6"
        value={most > 0 ? (server.amount.tokens / most) * 100 : 0}
        aria-label={t("billing.part", { name })}
      />
      <Text size="xs" c="dimmed" mt={4}>
        {t("billing.hours", { count: server.hours })}
      </Text>
    </div>
  );
}

function Tax({ bill }: { bill: Bill }) {
  const { t } = useTranslation();
  const { tax, currency } = bill;
  if (!tax) return null;
  const values = { percent: tax.percent, amount: money(tax.amount, currency) };
  return (
    <Text size="xs" c="dimmed" mt="md">
      {t(tax.included ? "billing.taxIn" : "billing.taxOn", values)}
    </Text>
  );
}
