// One's resource packs, with what is used of each.
import { Group, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { OwnPack, PackUse } from "../../api/generated/model";
import { gibibytes, gigabytes, mebibytes } from "../../format.ts";
import classes from "./Billing.module.css";

export function Packs({ packs, hourly }: { packs: OwnPack[]; hourly?: OwnPack }) {
  const { t } = useTranslation();
  return (
    <>
      {packs.map((pack) => (
        <Pack key={pack.id} pack={pack} note={pack.enabled ? undefined : t("billing.packOff")} />
      ))}
      {hourly && <Pack pack={hourly} note={t("billing.packHourly")} />}
    </>
  );
}

function Pack({ pack, note }: { pack: OwnPack; note?: string }) {
  const { t } = useTranslation();
  const plain = (count: number) => String(count);
  const shares: [string, PackUse, (count: number) => string][] = [
    [t("billing.shares.servers"), pack.servers, plain],
    [t("billing.shares.memory"), pack.memoryMb, mebibytes],
    [t("billing.shares.disk"), pack.diskGb, gibibytes],
    [t("billing.shares.cores"), pack.cpuCores, plain],
    [t("billing.shares.traffic"), pack.trafficGb, gigabytes],
  ];
  return (
    <Paper component="section" data-testid="pack">
      <Title order={2}>{pack.name}</Title>
      {note && (
        <Text size="sm" c="dimmed">
          {note}
        </Text>
      )}
      <Stack gap="sm" mt="md">
        {shares.map(([name, share, written]) => (
          <div key={name}>
            <Group justify="space-between" wrap="nowrap">
              <Text size="sm">{name}</Text>
              <Text size="sm" c="dimmed" className={classes.figure}>
                {share.total > 0
                  ? t("billing.usedOf", { used: written(share.used), total: written(share.total) })
                  : t("billing.usedFree", { used: written(share.used) })}
              </Text>
            </Group>
            {share.total > 0 && (
              <Progress
                mt={4}
                size="xs"
                radius="xl"
                color="harbour.6"
                value={Math.min(100, (share.used / share.total) * 100)}
                aria-label={name}
              />
            )}
          </div>
        ))}
      </Stack>
    </Paper>
  );
}
