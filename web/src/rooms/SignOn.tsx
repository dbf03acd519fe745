// The button of the company's own provider, where there is one: it leads away from here.
import { Alert, Button, Divider } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Refused } from "../api/call.ts";
import { beginSignOn } from "../api/generated/panel.ts";
import { signOnQuery } from "../api/queries.ts";
import { sentenceOf } from "../parts/said.ts";
import classes from "./Login.module.css";

export function SignOn({ next }: { next: string | undefined }) {
  const { t } = useTranslation();
  const label = useQuery(signOnQuery).data?.label;
  const leave = useMutation({
    mutationKey: ["login"],
    mutationFn: () => beginSignOn(next ? { next } : {}),
    onSuccess: ({ data }) => window.location.assign(data.url),
  });
  if (!label) return null;
  const isAway = leave.error instanceof Refused && leave.error.status === 503;
  return (
    <>
      <Divider label={t("login.or")} />
      {leave.error && (
        <Alert className={classes.refused} icon={<IconInfoCircle />} role="alert">
          {isAway ? t("login.reason.oidc-away") : sentenceOf(leave.error)}
        </Alert>
      )}
      <Button variant="default" size="md" onClick={() => leave.mutate()} loading={leave.isPending || leave.isSuccess}>
        {label}
      </Button>
    </>
  );
}
