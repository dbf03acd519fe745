// What was chosen, what it costs, and whether one's credit is there for it.
import { Alert, Button, Divider, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Shop } from "../../api/generated/model";
import cards from "../../parts/Cards.module.css";
import { money } from "../../parts/money.ts";
import { sizeWords } from "../../parts/Sizes.tsx";
import type { Chosen } from "./choice.ts";
import classes from "./New.module.css";

export function Summary(props: { shop: Shop; chosen: Chosen; isHourly: boolean; isPending: boolean }) {
  const { t } = useTranslation();
  const { currency, credit, prepaid } = props.shop;
  const { location, size, system } = props.chosen;
  const lacks = props.isHourly && prepaid && credit.tokens < (size?.hour?.tokens ?? 0.000001);
  return (
    <Paper component="aside" aria-labelledby="summary" className={classes.summary}>
      <Title order={2} id="summary" mb="md">
        {t("shop.summary")}
      </Title>
      <dl className={classes.facts}>
        <Fact name={t("shop.location")} value={location?.name} />
        <Fact name={t("shop.size")} value={size?.name} more={size && sizeWords(size).join(" · ")} />
        <Fact name={t("rebuild.system")} value={system} />
      </dl>
      {size?.hour && size.month && (
        <>
          <Divider my="md" />
          <Group justify="space-between" align="baseline">
            <Text className={classes.total}>{t("shop.perHour", { price: money(size.hour, currency) })}</Text>
            <Text size="sm" c="dimmed">
              {t("shop.perMonth", { price: money(size.month, currency) })}
            </Text>
          </Group>
          <Text size="xs" c="dimmed" mt={4}>
            {t("shop.atMost")}
          </Text>
        </>
      )}
      <Stack gap="sm" mt="md">
        {props.isHourly && (
          <Text size="sm" c="dimmed">
            {t("shop.credit", { amount: money(credit, currency) })}
          </Text>
        )}
        {lacks && (
          <Alert className={cards.bad} icon={<IconAlertTriangle />} role="status">
            {t("shop.noCredit")}
          </Alert>
        )}
        <Button type="submit" size="md" loading={props.isPending} disabled={lacks}>
          {t("shop.create")}
        </Button>
      </Stack>
    </Paper>
  );
}

function Fact({ name, value, more }: { name: string; value?: string; more?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value ?? "–"}</dd>
      {more && <dd className={classes.more}>{more}</dd>}
    </div>
  );
}
