// The list of one's servers, as it is now.
import { CloseButton, Group, Paper, Stack, Text, TextInput, Title, UnstyledButton } from "@mantine/core";
import {
  IconChevronDown,
  IconChevronRight,
  IconChevronUp,
  IconPlus,
  IconSearch,
  IconServerOff,
} from "@tabler/icons-react";
import { useSuspenseQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import {
  createColumnHelper,
  createSortedRowModel,
  type Row,
  rowSortingFeature,
  sortFn_alphanumeric,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ServerCard } from "../api/generated/model";
import { serversQuery, sessionQuery } from "../api/queries.ts";
import { gibibytes, mebibytes } from "../format.ts";
import { LinkButton } from "../parts/LinkButton.tsx";
import { Status, stateOf } from "../parts/Status.tsx";
import { SystemIcon } from "../parts/SystemIcon.tsx";
import { Invitations } from "./Invitations.tsx";
import classes from "./Servers.module.css";

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { alphanumeric: sortFn_alphanumeric },
});
const column = createColumnHelper<typeof features, ServerCard>();
const columns = column.columns([
  column.accessor("name", { id: "name", sortFn: "alphanumeric" }),
  column.accessor((one) => stateOf(one)[0], { id: "state", sortFn: "alphanumeric" }),
  column.accessor((one) => one.ipv4[0] ?? one.ipv6[0] ?? "", { id: "address", sortFn: "alphanumeric" }),
  column.accessor((one) => one.memoryMb, { id: "size", sortFn: "alphanumeric" }),
]);

function matches(server: ServerCard, text: string): boolean {
  const words = [
    server.name,
    server.hostname,
    server.os?.name,
    server.uuid,
    server.sharedBy,
    ...server.ipv4,
    ...server.ipv6,
  ];
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((part) => words.some((word) => word?.toLowerCase().includes(part)));
}

export function Servers() {
  const { t } = useTranslation();
  const { data: servers } = useSuspenseQuery(serversQuery);
  const { user } = useSuspenseQuery(sessionQuery).data;
  const [text, setText] = useState("");
  const data = useMemo(() => servers.filter((one) => matches(one, text.trim())), [servers, text]);
  const table = useTable({ features, columns, data, initialState: { sorting: [{ id: "name", desc: false }] } });
  return (
    <Stack gap="lg">
      <Group justify="space-between" align="end">
        <div>
          <Title order={1}>{t("servers.title")}</Title>
          <Text c="dimmed" size="sm" aria-live="polite">
            {t("servers.count", { count: data.length })}
          </Text>
        </div>
        <Group gap="sm" w={{ base: "100%", xs: "auto" }}>
          {servers.length > 0 && (
            <TextInput
              type="search"
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
              placeholder={t("servers.search")}
              aria-label={t("servers.search")}
              leftSection={<IconSearch size={17} />}
              rightSection={text && <CloseButton onClick={() => setText("")} aria-label={t("app.close")} />}
              w={{ base: "100%", xs: 340 }}
            />
          )}
          {user.selfService && (
            <LinkButton to="/new" size="md" leftSection={<IconPlus size={18} />} w={{ base: "100%", xs: "auto" }}>
              {t("shop.new")}
            </LinkButton>
          )}
        </Group>
      </Group>
      <Invitations />
      {data.length === 0 ? (
        <Nothing text={text} isEmpty={servers.length === 0} />
      ) : (
        <Paper p={0} className={classes.list}>
          <table className={classes.table}>
            <thead>
              <tr>
                {table.getHeaderGroups()[0]?.headers.map((header) => (
                  <Heading
                    key={header.id}
                    id={header.id as "name"}
                    sorted={header.column.getIsSorted()}
                    onSort={() => header.column.toggleSorting()}
                  />
                ))}
              </tr>
            </thead>
            <tbody>
              {table.getRowModel().rows.map((row) => (
                <ServerRow key={row.original.uuid} row={row} />
              ))}
            </tbody>
          </table>
        </Paper>
      )}
    </Stack>
  );
}

function Heading(props: {
  id: "name" | "state" | "address" | "size";
  sorted: false | "asc" | "desc";
  onSort: () => void;
}) {
  const { t } = useTranslation();
  const label = t(`servers.${props.id}`);
  const Icon = props.sorted === "desc" ? IconChevronDown : IconChevronUp;
  const order = props.sorted === false ? "none" : props.sorted === "asc" ? "ascending" : "descending";
  return (
    <th scope="col" aria-sort={order} className={classes[props.id]}>
      <UnstyledButton onClick={props.onSort} className={classes.sort} aria-label={t("servers.sort", { column: label })}>
        {label}
        <Icon size={14} aria-hidden className={props.sorted ? undefined : classes.unsorted} />
      </UnstyledButton>
    </th>
  );
}

function ServerRow({ row }: { row: Row<typeof features, ServerCard> }) {
  const { t } = useTranslation();
  const server = row.original;
  const [first, ...others] = [...server.ipv4, ...server.ipv6];
  return (
    <tr className={classes.row} data-testid="server">
      <td className={classes.name}>
        <Group gap="md" wrap="nowrap">
          <SystemIcon icon={server.os?.icon} name={server.os?.name ?? server.name} />
          <div className={classes.words}>
            <Link to="/server/$uuid" params={{ uuid: server.uuid }} className={classes.link}>
              {server.name}
            </Link>
            <Text size="sm" c="dimmed" truncate>
              {server.os?.name ?? server.hostname ?? server.uuid}
            </Text>
            {server.sharedBy && (
              <Text size="xs" c="dimmed" truncate data-testid="shared">
                {t("servers.sharedBy", { name: server.sharedBy })}
              </Text>
            )}
          </div>
        </Group>
      </td>
      <td className={classes.state}>
        <Status server={server} />
      </td>
      <td className={classes.address}>
        <Text size="sm" component="span">
          {first ?? "–"}
        </Text>
        {others.length > 0 && (
          <Text size="xs" c="dimmed">
            {t("servers.more", { count: others.length })}
          </Text>
        )}
      </td>
      <td className={classes.size}>
        <Text size="sm">{t("size.cores", { count: server.cpuCores })}</Text>
        <Text size="xs" c="dimmed">
          {t("size.memory", { amount: mebibytes(server.memoryMb) })},{" "}
          {t("size.disk", { amount: gibibytes(server.diskGb) })}
        </Text>
        <IconChevronRight size={18} className={classes.arrow} aria-hidden />
      </td>
    </tr>
  );
}

function Nothing({ text, isEmpty }: { text: string; isEmpty: boolean }) {
  const { t } = useTranslation();
  return (
    <Paper py={72}>
      <Stack align="center" gap="xs" ta="center">
        <IconServerOff size={40} stroke={1.4} aria-hidden className={classes.nothing} />
        <Text fw={600}>{isEmpty ? t("servers.none") : t("servers.noMatch", { text: text.trim() })}</Text>
        {isEmpty && <Text c="dimmed">{t("servers.noneText")}</Text>}
      </Stack>
    </Paper>
  );
}
