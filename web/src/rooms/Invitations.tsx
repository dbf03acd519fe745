// Servers that others would share with one.
import { Button, Group, Paper, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Invitation } from "../api/generated/model";
import { acceptInvitation, declineInvitation } from "../api/generated/panel.ts";
import { invitationsQuery, queryClient, serversQuery } from "../api/queries.ts";
import { useRightsInWords } from "../parts/rights.ts";
import { tell, tellFailure } from "../parts/said.ts";

export function Invitations() {
  const { data } = useQuery(invitationsQuery);
  return data?.map((one) => <Row key={one.id} invitation={one} />);
}

function Row({ invitation }: { invitation: Invitation }) {
  const { t } = useTranslation();
  const inWords = useRightsInWords();
  const answer = useMutation({
    mutationFn: (isWanted: boolean) => (isWanted ? acceptInvitation : declineInvitation)(invitation.id),
    onSuccess: (_, isWanted) => tell(t(isWanted ? "invitation.accepted" : "invitation.declined")),
    onError: tellFailure,
    onSettled: () =>
      Promise.all(
        [invitationsQuery.queryKey, serversQuery.queryKey].map((queryKey) =>
          queryClient.invalidateQueries({ queryKey, exact: true }),
        ),
      ),
  });
  const { owner, ownerEmail, server } = invitation;
  return (
    <Paper component="section" data-testid="invitation">
      <Group justify="space-between">
        <div>
          <Text fw={550}>
            {t("invitation.text", { owner, email: ownerEmail, server: server || t("invitation.unnamed") })}
          </Text>
          <Text size="sm" c="dimmed">
            {t("sharing.youMay", { what: inWords(invitation.rights) })}
          </Text>
        </div>
        <Group gap="xs">
          <Button variant="default" onClick={() => answer.mutate(false)} disabled={answer.isPending}>
            {t("invitation.decline")}
          </Button>
          <Button onClick={() => answer.mutate(true)} loading={answer.isPending}>
            {t("invitation.accept")}
          </Button>
        </Group>
      </Group>
    </Paper>
  );
}
