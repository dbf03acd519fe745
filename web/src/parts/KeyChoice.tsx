// Whose keys a server gets: all of one's own, until some are taken away.
import { Checkbox, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { keysQuery } from "../api/queries.ts";
import classes from "./Cards.module.css";

/** `onChange` has to stay the same from one look to the next. */
export function KeyChoice({ value, onChange }: { value: string[]; onChange: (keys: string[]) => void }) {
  const { t } = useTranslation();
  const keys = useQuery(keysQuery);
  useEffect(() => {
    if (keys.data) onChange(keys.data.map((key) => String(key.id)));
  }, [keys.data, onChange]);
  return (
    <>
      <Checkbox.Group label={t("rebuild.keys")} value={value} onChange={onChange} classNames={{ label: classes.label }}>
        <Stack gap="sm" mt="sm">
          {keys.data?.map((key) => (
            <Checkbox key={key.id} value={String(key.id)} label={key.name} description={key.type} />
          ))}
        </Stack>
      </Checkbox.Group>
      {keys.data?.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("rebuild.keysNone")}
        </Text>
      )}
    </>
  );
}
