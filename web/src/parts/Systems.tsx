// Which system a server is built from: its family, and of that the version.
import { Group, Radio, Select, SimpleGrid, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Choice, Family } from "../api/generated/model";
import classes from "./Cards.module.css";
import { SystemIcon } from "./SystemIcon.tsx";

export function Systems(props: {
  families: Family[] | undefined;
  /** An id as text; empty where none is chosen. */
  template: string;
  onChoose: (template: string) => void;
  error?: ReactNode;
}) {
  const { t } = useTranslation();
  const isIn = (family: Family) => family.templates.some((one) => String(one.id) === props.template);
  const chosen = props.families?.find(isIn);
  const choose = (name: string) => {
    const family = props.families?.find((one) => one.name === name);
    if (family) props.onChoose(String(family.templates[0]?.id ?? ""));
  };
  return (
    <>
      <Radio.Group
        label={t("rebuild.system")}
        value={chosen?.name ?? ""}
        onChange={choose}
        error={props.error}
        classNames={{ label: classes.label }}
      >
        <SimpleGrid cols={{ base: 1, xs: 2, sm: 3 }} spacing="sm" mt="sm">
          {props.families?.map((family) => (
            <Radio.Card key={family.name} value={family.name} className={classes.card} p="md">
              <Group gap="sm" wrap="nowrap">
                <SystemIcon icon={family.icon} name={family.name} />
                <Text fw={600} size="sm">
                  {family.name}
                </Text>
              </Group>
            </Radio.Card>
          ))}
        </SimpleGrid>
      </Radio.Group>
      {props.families?.length === 0 && <Text c="dimmed">{t("rebuild.none")}</Text>}
      {chosen && (
        <Select
          mt="md"
          label={t("rebuild.version")}
          allowDeselect={false}
          data={chosen.templates.map((one) => ({ value: String(one.id), label: systemName(one) }))}
          value={props.template}
          onChange={(id) => props.onChoose(id ?? "")}
        />
      )}
    </>
  );
}

export function systemName({ name, version, variant }: Choice): string {
  return [name, version, variant].filter(Boolean).join(" ");
}
