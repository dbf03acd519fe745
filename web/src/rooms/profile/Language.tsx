// What the panel is shown in.
import { Select } from "@mantine/core";
import { useMutation, useSuspenseQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { chooseLanguage } from "../../api/generated/panel.ts";
import { queryClient, sessionQuery } from "../../api/queries.ts";
import i18n, { catalogueFor, LANGUAGES, speak } from "../../i18n.ts";
import { tell, tellFailure } from "../../parts/said.ts";

export function Language() {
  const { t } = useTranslation();
  const { user } = useSuspenseQuery(sessionQuery).data;
  const choose = useMutation({
    mutationFn: (language: string) => chooseLanguage({ language }),
    onSuccess: async (_, language) => {
      await queryClient.invalidateQueries({ queryKey: sessionQuery.queryKey });
      await speak(language);
      // In the language that was chosen.
      tell(i18n.t("profile.languageChosen"));
    },
    onError: tellFailure,
  });
  return (
    <Select
      label={t("profile.language")}
      allowDeselect={false}
      data={Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))}
      value={catalogueFor(user.language)}
      onChange={(language) => language && choose.mutate(language)}
      disabled={choose.isPending}
      w={{ base: "100%", xs: 220 }}
      mt="md"
    />
  );
}
