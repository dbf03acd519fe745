// Sizes as cards, each with what it has and what it costs.
import { Badge, Group, Radio, SimpleGrid, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { OwnCurrency, Size } from "../api/generated/model";
import { gibibytes, gigabytes, mebibytes } from "../format.ts";
import i18n from "../i18n.ts";
import classes from "./Cards.module.css";
import { money } from "./money.ts";

/** A size, and why it can't be chosen where it can't. */
export interface Offered {
  size: Size;
  note?: string;
  isOut?: boolean;
}

export function Sizes(props: {
  label: string;
  sizes: Offered[];
  currency: OwnCurrency | null | undefined;
  /** An id as text. */
  value: string;
  onChoose: (size: string) => void;
  error?: ReactNode;
}) {
  return (
    <Radio.Group
      label={props.label}
      value={props.value}
      onChange={props.onChoose}
      error={props.error}
      classNames={{ label: classes.label }}
    >
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm" mt="sm">
        {props.sizes.map((one) => (
          <SizeCard key={one.size.id} offered={one} currency={props.currency} />
        ))}
      </SimpleGrid>
    </Radio.Group>
  );
}

function SizeCard({ offered, currency }: { offered: Offered; currency: OwnCurrency | null | undefined }) {
  const { t } = useTranslation();
  const { size, note, isOut } = offered;
  return (
    <Radio.Card
      value={String(size.id)}
      disabled={isOut}
      data-disabled={isOut || undefined}
      className={`${classes.card} ${classes.size}`}
      p="md"
      data-testid="size"
    >
      <Group justify="space-between" align="start" wrap="nowrap" gap="xs">
        <Text fw={600}>{size.name}</Text>
        {note && (
          <Badge variant="default" tt="none" fw={550}>
            {note}
          </Badge>
        )}
      </Group>
      <Text size="sm" c="dimmed" mt={2}>
        {sizeWords(size).join(" · ")}
      </Text>
      {size.hour && size.month && (
        <Group gap="xs" align="baseline" mt="sm">
          <Text className={classes.price}>{t("shop.perHour", { price: money(size.hour, currency) })}</Text>
          <Text size="sm" c="dimmed">
            {t("shop.perMonth", { price: money(size.month, currency) })}
          </Text>
        </Group>
      )}
    </Radio.Card>
  );
}

/** What a size has, a few words each. */
export function sizeWords(size: Size): string[] {
  const { t } = i18n;
  const traffic =
    size.trafficGb === 0 ? t("shop.trafficFree") : t("shop.traffic", { amount: gigabytes(size.trafficGb) });
  return [
    t("size.cores", { count: size.cpuCores }),
    t("size.memory", { amount: mebibytes(size.memoryMb) }),
    t("size.disk", { amount: gibibytes(size.diskGb) }),
    traffic,
  ];
}
