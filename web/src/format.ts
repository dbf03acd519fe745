// Sizes and times as people read them.
import i18n from "./i18n.ts";

const units = ["B", "KB", "MB", "GB", "TB", "PB"];

/** Bytes in powers of 1024, with at most three digits. */
export function bytes(count: number): string {
  let [value, unit] = [count, 0];
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : Number(value.toFixed(1))} ${units[unit]}`;
}

export const mebibytes = (count: number) => bytes(count * 1024 ** 2);
export const gibibytes = (count: number) => bytes(count * 1024 ** 3);

/** Traffic is counted in powers of 1000. */
export function gigabytes(count: number): string {
  return count >= 1000 ? `${Number((count / 1000).toFixed(2))} TB` : `${count} GB`;
}

/** How the panel's language is written where the browser is; by its own rules where the browser speaks another. */
function locale(): string {
  return navigator.languages.find((tag) => tag.split("-")[0] === i18n.language) ?? i18n.language;
}

export function moment(time: string): string {
  return new Date(time).toLocaleString(locale(), { dateStyle: "medium", timeStyle: "short" });
}

/** "January 2025", of `2025-01`. */
export function monthName(month: string): string {
  const first = new Date(`${month}-01T00:00:00Z`);
  return first.toLocaleDateString(locale(), { month: "long", year: "numeric", timeZone: "UTC" });
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** "5 minutes ago"; `now` in milliseconds. */
export function ago(time: string, now = Date.now()): string {
  const seconds = Math.round((new Date(time).getTime() - now) / 1000);
  const words = new Intl.RelativeTimeFormat(i18n.language, { numeric: "auto" });
  for (const [unit, length] of steps) {
    if (Math.abs(seconds) >= length) return words.format(Math.round(seconds / length), unit);
  }
  return words.format(0, "second");
}

/** What a browser calls itself, in two words. */
export function browser(agent: string): string | undefined {
  const found = (names: [string, string][]) => names.find(([sign]) => agent.includes(sign))?.[1];
  const program = found([
    ["Edg/", "Edge"],
    ["OPR/", "Opera"],
    ["Firefox/", "Firefox"],
    ["Chrome/", "Chrome"],
    ["Safari/", "Safari"],
  ]);
  const system = found([
    ["Android", "Android"],
    ["iPhone", "iPhone"],
    ["iPad", "iPad"],
    ["Windows", "Windows"],
    ["Mac OS", "macOS"],
    ["Linux", "Linux"],
  ]);
  return [program, system].filter(Boolean).join(", ") || undefined;
}
