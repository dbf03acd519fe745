// Who one is at the company's own provider, where that is known.
import { Button, Paper, Text, Title } from "@mantine/core";
import { IconId } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Identity } from "../../api/generated/model";
import { forgetIdentity } from "../../api/generated/panel.ts";
import { identitiesQuery, queryClient } from "../../api/queries.ts";
import { ago, moment } from "../../format.ts";
import { tell, tellFailure } from "../../parts/said.ts";
import classes from "./Profile.module.css";

export function Identities() {
  const { t } = useTranslation();
  const identities = useQuery(identitiesQuery).data ?? [];
  if (identities.length === 0) return null;
  return (
    <Paper component="section" aria-labelledby="identities">
      <Title order={2} id="identities">
        {t("profile.identities")}
      </Title>
      <Text c="dimmed" size="sm" mb="sm">
        {t("profile.identitiesText")}
      </Text>
      {identities.map((identity) => (
        <IdentityRow key={identity.id} identity={identity} />
      ))}
    </Paper>
  );
}

function IdentityRow({ identity }: { identity: Identity }) {
  const { t } = useTranslation();
  const forget = useMutation({
    mutationFn: () => forgetIdentity(identity.id),
    onSuccess: () => tell(t("profile.forgotten")),
    onError: tellFailure,
    onSettled: () => queryClient.invalidateQueries({ queryKey: identitiesQuery.queryKey }),
  });
  return (
    <div className={classes.row} data-testid="identity">
      <IconId size={22} aria-hidden className={classes.mark} />
      <div className={classes.words}>
        <Text fw={550} size="sm" style={{ overflowWrap: "anywhere" }}>
          {identity.issuer}
        </Text>
        <Text size="xs" c="dimmed" title={moment(identity.created)}>
          {t("profile.lastSeen", { when: ago(identity.lastUsed) })}
        </Text>
      </div>
      <Button
        size="compact-sm"
        variant="default"
        onClick={() => forget.mutate()}
        loading={forget.isPending}
        aria-label={t("profile.forgetOf", { issuer: identity.issuer })}
      >
        {t("profile.forget")}
      </Button>
    </div>
  );
}
