// What may be done with a server, by its owner and by whom it is shared with.
import { useTranslation } from "react-i18next";
import type { Right, ServerCard } from "../api/generated/model";

/** Those that are given one by one; seeing the server comes with each. */
export const GIVEN = ["power", "console", "rebuild", "password", "settings"] as const satisfies readonly Right[];

export function may(server: Pick<ServerCard, "rights">, right: Right): boolean {
  return server.rights.includes(right);
}

/** Rights as a guest reads them. */
export function useRightsInWords(): (rights: readonly Right[]) => string {
  const { t } = useTranslation();
  return (rights) => {
    const given = GIVEN.filter((right) => rights.includes(right));
    return given.length > 0 ? given.map((right) => t(`right.${right}`)).join(", ") : t("right.view");
  };
}
