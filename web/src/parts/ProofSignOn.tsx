// Whoever logs in by the company's own provider shows there that it is still them: that leads away, and back to this page.
import { Alert, Button, Divider, Text } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Refused } from "../api/call.ts";
import { beginProof } from "../api/generated/panel.ts";
import { signOnQuery } from "../api/queries.ts";
import { sentenceOf } from "./said.ts";

export function ProofSignOn() {
  const { t } = useTranslation();
  const label = useQuery(signOnQuery).data?.label;
  const leave = useMutation({
    mutationFn: () => beginProof({ next: window.location.pathname + window.location.search }),
    onSuccess: ({ data }) => window.location.assign(data.url),
  });
  if (!label) return null;
  const isAway = leave.error instanceof Refused && leave.error.status === 503;
  return (
    <>
      <Divider label={t("login.or")} />
      <Text size="sm">{t("proof.signOnText")}</Text>
      {leave.error && (
        <Alert icon={<IconInfoCircle />} variant="default" role="alert">
          {isAway ? t("proof.signOnAway") : sentenceOf(leave.error)}
        </Alert>
      )}
      <Button variant="default" onClick={() => leave.mutate()} loading={leave.isPending || leave.isSuccess}>
        {label}
      </Button>
    </>
  );
}
