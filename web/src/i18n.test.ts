import { expect, test } from "vitest";
import { catalogueFor, LANGUAGES } from "./i18n.ts";
import de from "./texts/de.json";
import en from "./texts/en.json";

interface Texts {
  [key: string]: string | Texts;
}

/** Each text by its whole key. */
function flat(texts: Texts, before = ""): [string, string][] {
  return Object.entries(texts).flatMap(([key, value]) =>
    typeof value === "string" ? [[before + key, value] as [string, string]] : flat(value, `${before}${key}.`),
  );
}

const blanks = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name).sort();

test("every catalogue has the texts of the English one, with the same blanks, and no others", () => {
  const [english, others] = [flat(en), { de }];
  expect(["en", ...Object.keys(others)].sort()).toEqual(Object.keys(LANGUAGES).sort());
  for (const catalogue of Object.values(others)) {
    const texts = flat(catalogue);
    expect(texts.map(([key]) => key)).toEqual(english.map(([key]) => key));
    expect(texts.map(([key, text]) => [key, blanks(text)])).toEqual(english.map(([key, text]) => [key, blanks(text)]));
    expect(texts.filter(([, text]) => !text.trim())).toEqual([]);
  }
});

test.each([
  ["en", "en"],
  ["de", "de"],
  ["de-AT", "de"],
  ["pt-BR", "en"],
  ["toString", "en"],
  ["", "en"],
])("whoever reads %s is shown %s", (tag, language) => expect(catalogueFor(tag)).toBe(language));
