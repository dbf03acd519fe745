// Months to be kept: a file each.
import { Anchor, Group, Paper, Text, Title } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { BillingMonth } from "../../api/generated/model";
import { getGetStatementUrl } from "../../api/generated/panel.ts";
import { monthName } from "../../format.ts";
import classes from "./Billing.module.css";

/** Months that are shown before all of them are asked for. */
const FEW = 6;
const formats = ["pdf", "csv"];

export function Statements({ months }: { months: BillingMonth[] }) {
  const { t } = useTranslation();
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? months : months.slice(0, FEW);
  return (
    <Paper component="section" aria-labelledby="statements">
      <Title order={2} id="statements" mb="sm">
        {t("billing.statements")}
      </Title>
      {shown.map(({ month, provisional }) => (
        <Group key={month} justify="space-between" className={classes.statement}>
          <Text size="sm">
            {monthName(month)}
            {provisional && (
              <Text span size="xs" c="dimmed">
                {" "}
                {t("billing.provisional")}
              </Text>
            )}
          </Text>
          <Group gap="md">
            {formats.map((format) => (
              <Anchor
                key={format}
                href={getGetStatementUrl({ month, format })}
                download
                size="sm"
                className={classes.download}
                aria-label={t("billing.download", { month: monthName(month), format: format.toUpperCase() })}
              >
                <IconDownload size={16} aria-hidden /> {format.toUpperCase()}
              </Anchor>
            ))}
          </Group>
        </Group>
      ))}
      {!isWhole && months.length > FEW && (
        <Anchor component="button" type="button" size="sm" mt="sm" onClick={() => setWhole(true)}>
          {t("billing.all")}
        </Anchor>
      )}
    </Paper>
  );
}
