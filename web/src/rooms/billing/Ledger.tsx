// The lines of a month, the newest first.
import { Group, Pagination, Paper, Text, Title } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { LedgerLine } from "../../api/generated/model";
import { billingQuery, ledgerQuery } from "../../api/queries.ts";
import { moment } from "../../format.ts";
import { money } from "../../parts/money.ts";
import { sentenceOf } from "../../parts/said.ts";
import classes from "./Billing.module.css";

export function Ledger({ month }: { month: string }) {
  const { t } = useTranslation();
  const [page, setPage] = useState(1);
  const lines = useQuery({ ...ledgerQuery(month, page), placeholderData: keepPreviousData });
  return (
    <Paper component="section" aria-labelledby="ledger">
      <Title order={2} id="ledger" mb="sm">
        {t("billing.ledger")}
      </Title>
      {lines.isError && <Text size="sm">{sentenceOf(lines.error)}</Text>}
      {lines.data?.total === 0 && (
        <Text size="sm" c="dimmed">
          {t("billing.noLines")}
        </Text>
      )}
      {lines.data && lines.data.total > 0 && (
        <table className={classes.lines}>
          <thead>
            <tr>
              <th scope="col">{t("billing.when")}</th>
              <th scope="col">{t("billing.what")}</th>
              <th scope="col" className={classes.figure}>
                {t("billing.amount")}
              </th>
            </tr>
          </thead>
          <tbody>
            {lines.data.data.map((line) => (
              <Line key={line.id} line={line} />
            ))}
          </tbody>
        </table>
      )}
      {lines.data && lines.data.last_page > 1 && (
        <Group justify="center" mt="md">
          <Pagination
            total={lines.data.last_page}
            value={page}
            onChange={setPage}
            size="sm"
            siblings={1}
            getItemProps={(n) => ({ "aria-label": t("billing.page", { page: n }) })}
            getControlProps={(control) => ({
              "aria-label": t(control === "previous" || control === "first" ? "billing.newer" : "billing.older"),
            })}
          />
        </Group>
      )}
    </Paper>
  );
}

function Line({ line }: { line: LedgerLine }) {
  const { t } = useTranslation();
  const currency = useQuery(billingQuery).data?.currency;
  return (
    <tr data-testid="line">
      <td className={classes.when}>{moment(line.at)}</td>
      <td>{useWords(line)}</td>
      <td className={classes.figure} aria-label={t("billing.amount")}>
        {money(line.amount, currency)}
      </td>
    </tr>
  );
}

const items = ["ipv4", "storage", "memory", "cpu"] as const;

function useWords(line: LedgerLine): string {
  const { t } = useTranslation();
  if (line.kind === "credit") return t(line.amount.tokens < 0 ? "billing.taken" : "billing.credit");
  if (line.kind === "cancellation") return t("billing.cancellation");
  const addon = items.find((item) => item === line.item);
  const what = addon ? t(`billing.items.${addon}`, { count: line.quantity }) : t("billing.items.server");
  return line.server ? `${line.server}: ${what}` : what;
}
