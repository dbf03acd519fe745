// What the guest uses now, and how that went since this page was opened.
import { Group, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { LiveFigures, ServerPage } from "../../api/generated/model";
import { bytes, mebibytes } from "../../format.ts";
import classes from "./Server.module.css";

/** Samples that the lines show. */
const SAMPLES = 60;

interface Sample {
  at: number;
  cpu: number;
  /** Bytes in a second. */
  rate?: { in: number; out: number };
  figures: LiveFigures;
}

/** The samples since the page was opened, the newest last. */
function useSamples(live: LiveFigures | null | undefined): Sample[] {
  const [samples, setSamples] = useState<Sample[]>([]);
  useEffect(() => {
    if (!live) return setSamples([]);
    const at = new Date(live.sampled).getTime();
    setSamples((before) => {
      const last = before.at(-1);
      if (last && at <= last.at) return before;
      const seconds = last ? (at - last.at) / 1000 : 0;
      // A guest that was started anew counts from zero.
      const rate = (now: number, then: number) => Math.max(0, now - then) / seconds;
      const both = last && {
        in: rate(live.inBytes, last.figures.inBytes),
        out: rate(live.outBytes, last.figures.outBytes),
      };
      return [...before, { at, cpu: live.cpuPercent, rate: both, figures: live }].slice(-SAMPLES);
    });
  }, [live]);
  return samples;
}

export function Figures({ server }: { server: ServerPage }) {
  const { t } = useTranslation();
  const samples = useSamples(server.power === "running" ? server.live : null);
  const { live } = server;
  const rate = samples.at(-1)?.rate;
  return (
    <Paper component="section" aria-labelledby="figures">
      <Title order={2} id="figures" mb="md">
        {t("server.figures")}
      </Title>
      {!live || server.power !== "running" ? (
        <Text c="dimmed" size="sm">
          {t(live || server.state !== "complete" ? "server.noFigures" : "server.noNode")}
        </Text>
      ) : (
        <div className={classes.figures}>
          <Figure
            label={t("server.cpu")}
            value={`${Math.round(live.cpuPercent)} %`}
            note={t("size.cores", { count: server.cpuCores })}
          >
            <Line values={samples.map((one) => one.cpu)} most={100} />
          </Figure>
          <Figure
            label={t("server.network")}
            value={`${bytes(rate?.in ?? 0)}/s`}
            note={`${t("server.in")} ${bytes(live.inBytes)}, ${t("server.out")} ${bytes(live.outBytes)}`}
          >
            <Line values={samples.map((one) => (one.rate ? one.rate.in + one.rate.out : 0))} />
          </Figure>
          <Share label={t("server.memory")} used={live.memoryUsedMb} total={live.memoryMb} show={mebibytes} />
          <Share label={t("server.disk")} used={live.diskUsedBytes} total={live.diskBytes} show={bytes} />
        </div>
      )}
    </Paper>
  );
}

function Figure(props: { label: string; value: string; note: string; children?: React.ReactNode }) {
  return (
    <Stack gap={4}>
      <Text size="sm" c="dimmed">
        {props.label}
      </Text>
      <Group justify="space-between" align="baseline" gap="xs">
        <span className={classes.value}>{props.value}</span>
        <Text size="xs" c="dimmed">
          {props.note}
        </Text>
      </Group>
      {props.children}
    </Stack>
  );
}

function Share(props: { label: string; used?: number | null; total?: number | null; show: (count: number) => string }) {
  const { t } = useTranslation();
  const { used, total, show } = props;
  if (used == null || !total) {
    return <Figure label={props.label} value="–" note={t("server.notSaid")} />;
  }
  const percent = Math.min(100, (used / total) * 100);
  return (
    <Figure label={props.label} value={show(used)} note={t("server.of", { total: show(total) })}>
      <Progress
        value={percent}
        color={percent > 90 ? "red.8" : "harbour.6"}
        size={7}
        radius="xl"
        mt={8}
        aria-label={props.label}
      />
    </Figure>
  );
}

/** A line without axes; `most` is its upper end, by default the largest value. */
function Line({ values, most }: { values: number[]; most?: number }) {
  const top = Math.max(most ?? 0, ...values, 1);
  const from = SAMPLES - values.length;
  const points = values.map((value, at) => `${from + at},${(40 - (value / top) * 38).toFixed(1)}`);
  const line = points.length > 1 ? `M${points.join("L")}` : "";
  return (
    <svg viewBox={`0 0 ${SAMPLES - 1} 40`} preserveAspectRatio="none" className={classes.line} aria-hidden>
      {line && <path className={classes.area} d={`${line}L${SAMPLES - 1},40L${from},40Z`} />}
      {line && <path d={line} />}
    </svg>
  );
}
