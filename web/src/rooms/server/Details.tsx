// What a server is.
import { Paper, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { ServerPage } from "../../api/generated/model";
import { gibibytes, mebibytes, moment } from "../../format.ts";
import { Copy } from "../../parts/Copy.tsx";
import classes from "./Server.module.css";

export function Details({ server }: { server: ServerPage }) {
  const { t } = useTranslation();
  const size = [
    t("size.cores", { count: server.cpuCores }),
    t("size.memory", { amount: mebibytes(server.memoryMb) }),
    t("size.disk", { amount: gibibytes(server.diskGb) }),
  ];
  return (
    <Paper component="section" aria-labelledby="details">
      <Title order={2} id="details" mb="md">
        {t("server.details")}
      </Title>
      <dl className={classes.facts}>
        {server.ipv4.length > 0 && <Fact label={t("server.ipv4")} values={server.ipv4} isCopied />}
        {server.ipv6.length > 0 && <Fact label={t("server.ipv6")} values={server.ipv6} isCopied />}
        {server.hostname && <Fact label={t("server.hostname")} values={[server.hostname]} isCopied />}
        <Fact label={t("servers.size")} values={[size.join(", ")]} />
        {server.os && <Fact label={t("server.system")} values={[server.os.name]} />}
        <Fact label={t("server.built")} values={[server.built ? moment(server.built) : "–"]} />
        <Fact label={t("server.uuid")} values={[server.uuid]} isCopied />
      </dl>
    </Paper>
  );
}

function Fact(props: { label: string; values: string[]; isCopied?: boolean }) {
  return (
    <div>
      <dt>{props.label}</dt>
      {props.values.map((value) => (
        <dd key={value} className={classes.fact}>
          {value}
          {props.isCopied && <Copy value={value} what={props.label} />}
        </dd>
      ))}
    </div>
  );
}
