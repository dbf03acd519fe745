// A text as the keys that type it.
import type RFB from "@novnc/novnc";

const RETURN = 0xff0d;
const TAB = 0xff09;

/** The X11 keysym of a character (X Window System protocol, appendix A). */
export function keysym(character: string): number {
  if (character === "\n" || character === "\r") return RETURN;
  if (character === "\t") return TAB;
  const point = character.codePointAt(0) ?? 0;
  return point < 0x100 ? point : 0x01000000 | point;
}

export function type(rfb: RFB, text: string) {
  for (const character of text.replaceAll("\r\n", "\n")) rfb.sendKey(keysym(character), null);
}
