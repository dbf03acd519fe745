// What the two consoles tell their room, and take from it.
import type { RefObject } from "react";
import type { ConsoleOrder, ServerPage } from "../../api/generated/model";
import { openConsole } from "../../api/generated/panel.ts";

export type Stage = { at: "connecting" } | { at: "connected" } | { at: "ended" } | { at: "refused"; why: string };

export interface ConsoleHandle {
  type(text: string): void;
  ctrlAltDel?(): void;
}

export interface ConsoleProps {
  server: ServerPage;
  onStage: (stage: Stage) => void;
  handle: RefObject<ConsoleHandle | null>;
}

/** A token that opens one socket, once, within a minute. */
export async function access(uuid: string, kind: ConsoleOrder["kind"]): Promise<{ url: string; password: string }> {
  const { data } = await openConsole(uuid, { kind });
  const url = new URL(data.path, window.location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return { url: url.href, password: data.password };
}
