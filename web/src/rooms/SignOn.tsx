// The button of the company's own provider: it leads away from here.
import { Alert, Button } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Refused } from "../api/call.ts";
import { beginSignOn } from "../api/generated/panel.ts";
import { sentenceOf } from "../parts/said.ts";
import classes from "./Login.module.css";

export function SignOn({ label, next, isBusy }: { label: string; next: string | undefined; isBusy: boolean }) {
  const { t } = useTranslation();
  const leave = useMutation({
    mutationKey: ["login"],
    mutationFn: () => beginSignOn(next ? { next } : {}),
    onSuccess: ({ data }) => window.location.assign(data.url),
  });
  const isAway = leave.error instanceof Refused && leave.error.status === 503;
  return (
    <>
      {leave.error && (
        <Alert className={classes.refused} icon={<IconInfoCircle />} role="alert">
          {isAway ? t("login.reason.oidc-away") : sentenceOf(leave.error)}
        </Alert>
      )}
      <Button
        variant="default"
        size="md"
        loading={leave.isPending || leave.isSuccess}
        disabled={isBusy}
        onClick={() => leave.mutate()}
      >
        {label}
      </Button>
    </>
  );
}
