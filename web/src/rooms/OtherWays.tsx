// The ways through the door without a password, where there are some: a passkey, and the company's own provider.
import { Divider } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { LoggedIn } from "../api/generated/model";
import { hasPasskeys } from "../api/passkeys.ts";
import { passkeyLoginQuery, signOnQuery } from "../api/queries.ts";
import { PasskeyDoor } from "./PasskeyDoor.tsx";
import { SignOn } from "./SignOn.tsx";

interface Ways {
  next: string | undefined;
  isBusy: boolean;
  onIn: (data: LoggedIn) => Promise<void>;
}

export function OtherWays({ next, isBusy, onIn }: Ways) {
  const { t } = useTranslation();
  const passkeys = useQuery({ ...passkeyLoginQuery, enabled: hasPasskeys() });
  const label = useQuery(signOnQuery).data?.label;
  if (!passkeys.data?.on && !label) return null;
  return (
    <>
      <Divider label={t("login.or")} />
      {passkeys.data?.on && <PasskeyDoor isBusy={isBusy} onIn={onIn} />}
      {label && <SignOn label={label} next={next} isBusy={isBusy} />}
    </>
  );
}
