// Texts are in catalogues, one a language; `en.json` is the one that the others are measured by.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import en from "./texts/en.json";

declare module "i18next" {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
  }
}

void i18next.use(initReactI18next).init({
  lng: "en",
  fallbackLng: "en",
  resources: { en: { translation: en } },
  // React writes texts as texts.
  interpolation: { escapeValue: false },
});

/** A text whose key comes from the API, or what the API said where there is none. */
export function told(group: "actions" | "steps", word: string): string {
  const key = `${group}.${word.replaceAll(".", "_")}`;
  return i18next.exists(key) ? i18next.t(key as never) : word;
}

export default i18next;
