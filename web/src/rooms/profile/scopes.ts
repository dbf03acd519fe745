// What a token may do, and from where.
import type { Scope } from "../../api/generated/model";

export const SCOPES = [
  "servers:read",
  "servers:power",
  "servers:console",
  "servers:build",
  "servers:password",
  "servers:settings",
  "account:read",
  "account:keys",
] as const satisfies readonly Scope[];

type Word = keyof typeof import("../../texts/en.json")["scope"];

/** The key of a scope's text. */
export function textOf(scope: Scope): `scope.${Word}` {
  return `scope.${scope.replace(":", "_") as Word}`;
}

/** Addresses as somebody types them. */
export function addressesOf(text: string): string[] {
  return text.split(/[\s,;]+/).filter(Boolean);
}
