// Texts are in catalogues, one a language; `en.json` is the one that the others are measured by.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import en from "./texts/en.json";

declare module "i18next" {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
  }
}

/** The languages that there is a catalogue of, each as its own speakers call it. */
export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const FALLBACK = "en";

/** Fetched when somebody reads them. */
const catalogues: Record<Exclude<Language, typeof FALLBACK>, () => Promise<{ default: typeof en }>> = {
  de: () => import("./texts/de.json"),
};

void i18next.use(initReactI18next).init({
  lng: FALLBACK,
  fallbackLng: FALLBACK,
  resources: { en: { translation: en } },
  // React writes texts as texts.
  interpolation: { escapeValue: false },
});

/** The catalogue for a tag such as `de-AT`: of its language, whatever the region; else the English one. */
export function catalogueFor(tag: string): Language {
  const primary = tag.split("-")[0] ?? "";
  return Object.hasOwn(LANGUAGES, primary) ? (primary as Language) : FALLBACK;
}

/** Says everything in a user's language from now on, as far as there is a catalogue of it. */
export async function speak(tag: string): Promise<void> {
  const wanted = catalogueFor(tag);
  if (wanted === i18next.language) return;
  if (wanted !== FALLBACK && !i18next.hasResourceBundle(wanted, "translation")) {
    const texts = await catalogues[wanted]();
    i18next.addResourceBundle(wanted, "translation", texts.default);
  }
  await i18next.changeLanguage(wanted);
  document.documentElement.lang = wanted;
}

/** A text whose key comes from the API, or what the API said where there is none. */
export function told(group: "actions" | "steps", word: string): string {
  const key = `${group}.${word.replaceAll(".", "_")}`;
  return i18next.exists(key) ? i18next.t(key as never) : word;
}

export default i18next;
