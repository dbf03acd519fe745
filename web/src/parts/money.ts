// Amounts as people read them: in their currency, or in tokens where there is none.
import type { Amount, OwnCurrency } from "../api/generated/model";
import i18n from "../i18n.ts";

export function money(amount: Amount, currency: OwnCurrency | null | undefined): string {
  const value = amount.value ?? null;
  if (value === null || !currency) return i18n.t("money.tokens", { amount: String(amount.tokens) });
  return written(value, currency);
}

/** `value` is a decimal number; of its decimals after the second those that are nothing are left out. */
export function written(value: string, { prefix, suffix }: Pick<OwnCurrency, "prefix" | "suffix">): string {
  const short = value.replace(/(\.\d\d\d*?)0+$/, "$1");
  const sign = short.startsWith("-") ? "−" : "";
  return `${sign}${prefix}${short.replace(/^-/, "")}${suffix}`;
}
