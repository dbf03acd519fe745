// The other way through the door: a passkey, and no name.
import { Alert, Button } from "@mantine/core";
import { IconFingerprint, IconInfoCircle } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Refused } from "../api/call.ts";
import type { LoggedIn } from "../api/generated/model";
import { challengePasskey, logInWithPasskey } from "../api/generated/panel.ts";
import { NoPasskey, showPasskey } from "../api/passkeys.ts";
import { sentenceOf } from "../parts/said.ts";
import classes from "./Login.module.css";

export function PasskeyDoor({ isBusy, onIn }: { isBusy: boolean; onIn: (data: LoggedIn) => Promise<void> }) {
  const { t } = useTranslation();
  const enter = useMutation({
    mutationKey: ["login"],
    mutationFn: async () => {
      const { options } = (await challengePasskey()).data;
      return logInWithPasskey({ credential: await showPasskey(options) });
    },
    onSuccess: ({ data }) => onIn(data),
  });
  const sentence = (error: unknown) => {
    if (error instanceof NoPasskey) return t("login.passkeyNone");
    return error instanceof Refused && error.status === 401 ? t("login.passkeyWrong") : sentenceOf(error);
  };
  return (
    <>
      {enter.error && (
        <Alert className={classes.refused} icon={<IconInfoCircle />} role="alert">
          {sentence(enter.error)}
        </Alert>
      )}
      <Button
        variant="default"
        size="md"
        leftSection={<IconFingerprint size={20} />}
        loading={enter.isPending}
        disabled={isBusy}
        onClick={() => enter.mutate()}
      >
        {t("login.passkey")}
      </Button>
    </>
  );
}
