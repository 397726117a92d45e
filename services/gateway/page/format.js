/** Numbers, ages and lumisections as people read them. */

const GROUPED = new Intl.NumberFormat("en", { useGrouping: true, maximumFractionDigits: 0 });
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A count, in groups of three digits. */
export function count(value) {
  return value === null || value === undefined ? "–" : GROUPED.format(value).replaceAll(",", "\u202f");
}

/** A number to about four digits; powers of ten where it is very large or small. */
export function number(value, digits = 4) {
  if (typeof value === "string") return value;
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  if (Number.isInteger(value) && size < 1e9) return sign + count(size);
  if (size >= 1e6 || size < 1e-3) {
    const power = Math.floor(Math.log10(size));
    const digitsOf = trimmed((size / 10 ** power).toPrecision(Math.max(2, digits - 1)));
    return `${sign}${digitsOf}·10${superscript(power)}`;
  }
  if (size >= 10 ** Math.min(digits, 4)) return sign + count(Math.round(size));
  return sign + trimmed(size.toPrecision(digits));
}

/** A short number for axes and legends: 1.2k, 3M, 10⁻⁴. */
export function brief(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e10 || size < 1e-3)) return number(value, 3);
  for (const [unit, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= unit * (unit === 1e3 ? 10 : 1)) return `${minus(value / unit)}${letter}`;
  }
  return minus(value);
}

const minus = (value) => trimmed(value.toPrecision(6)).replace("-", "−");

/** Digits of a power, raised. */
export function superscript(power) {
  const digits = [...String(Math.abs(power))].map((digit) => SUPERSCRIPTS[Number(digit)]).join("");
  return (power < 0 ? "⁻" : "") + digits;
}

function trimmed(text) {
  return text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
}

/** How long ago, in words: `0.8 s`, `42 s`, `3 min`, `5 h`. */
export function age(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

/** An LS in words; 0 is what was imported of the whole run. */
export const lumisectionWord = (lumisection) => (lumisection ? `LS ${lumisection}` : "whole run");

/** LSs a window covers: `LS 3`, `LS 3–12`, `LS 3–12 (8)` where some in between are not known. */
export function lumisections(words) {
  if (!words || !words.lumisections) return "no LS";
  if (words.first === 0) {
    return words.last ? `whole run and ${words.lumisections - 1} LSs up to ${words.last}` : "whole run";
  }
  if (words.first === words.last) return `LS ${words.first}`;
  const all = words.last - words.first + 1 === words.lumisections;
  return `LS ${words.first}–${words.last}${all ? "" : ` (${words.lumisections})`}`;
}

/** One or many: `plural(2, "element")` is `2 elements`. */
export const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;

const two = (n) => String(n).padStart(2, "0");

/** A wall clock stamp in nanoseconds since 1970, here: `2026-11-22 03:12:05`. All dates of the page have this form. */
export function clock(stamp) {
  if (!stamp) return "–";
  const at = new Date(stamp / 1e6);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${timeOf(stamp)}`;
}

/** The time of the day alone: `03:12:05`. */
export function timeOf(stamp) {
  const at = new Date(stamp / 1e6);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
}

/** The zone that the page's times are of, as `UTC+01:00`: whoever looks from home reads another clock than the log book. */
export function zone(stamp = Date.now() * 1e6) {
  const minutes = -new Date(stamp / 1e6).getTimezoneOffset();
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "−" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}
