// A text as the keys that type it.
import type RFB from "@novnc/novnc";

const RETURN = 0xff0d;
const TAB = 0xff09;
const SHIFT = 0xffe1;
/** What takes the shift key on a US keyboard, which guests have: QEMU types the key of a letter, and not the letter. */
const SHIFTED = /[A-Z~!@#$%^&*()_+{}|:"<>?]/;
/** A guest that has not yet fetched 16 bytes of its keyboard loses keys (QEMU, hw/input/ps2.c); one is up to nine. */
const PACE_MS = 20;

/** The X11 keysym of a character (X Window System protocol, appendix A). */
export function keysym(character: string): number {
  if (character === "\n" || character === "\r") return RETURN;
  if (character === "\t") return TAB;
  const point = character.codePointAt(0) ?? 0;
  return point < 0x100 ? point : 0x01000000 | point;
}

const pause = () => new Promise<void>((resolve) => setTimeout(resolve, PACE_MS));

/** Types key by key; `wait` is between two of them. */
export async function type(rfb: Pick<RFB, "sendKey">, text: string, wait = pause) {
  for (const character of text.replaceAll("\r\n", "\n")) {
    const isShifted = SHIFTED.test(character);
    if (isShifted) rfb.sendKey(SHIFT, "ShiftLeft", true);
    rfb.sendKey(keysym(character), null);
    if (isShifted) rfb.sendKey(SHIFT, "ShiftLeft", false);
    await wait();
  }
}
