// Words, times and links of the chat, in Vietnamese.

const ZONE = "Asia/Ho_Chi_Minh";
const clock = new Intl.DateTimeFormat("vi-VN", { timeZone: ZONE, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const isoDay = new Intl.DateTimeFormat("sv-SE", { timeZone: ZONE });
const longDay = new Intl.DateTimeFormat("vi-VN", {
  timeZone: ZONE, weekday: "long", day: "2-digit", month: "2-digit", year: "numeric",
});
const DAY_MS = 24 * 3600 * 1000;

export const time = (at) => clock.format(at);
export const day = (at) => isoDay.format(at);

export function dayName(at) {
  if (day(at) === day(Date.now())) return "Hôm nay";
  if (day(at) === day(Date.now() - DAY_MS)) return "Hôm qua";
  const name = longDay.format(at);
  return name[0].toUpperCase() + name.slice(1);
}

const LINK = new RegExp(
  [
    /https?:\/\/[^\s<>"']+/,
    /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/,
    /(?:[a-z0-9-]+\.)+gov\.vn(?:\/[^\s<>"']*)?/,
    /\(0\d{2,3}\) ?\d{4,8}/,
    /\b1022-\d{4}-\d{6}\b/, // a ticket
  ].map((part) => part.source).join("|"),
  "gi",
);

function address(match) {
  if (/^https?:/i.test(match)) return match;
  if (match.includes("@")) return `mailto:${match}`;
  if (match.startsWith("(")) return `tel:${match.replace(/[^0-9]/g, "")}`;
  if (match.startsWith("1022-")) return `/status?code=${match}`;
  return `https://${match}`;
}

/** A text as nodes: addresses become links, everything else stays text. Never HTML. */
export function linked(text) {
  const nodes = document.createDocumentFragment();
  let done = 0;
  for (const { 0: found, index } of text.matchAll(LINK)) {
    const match = found.replace(/[.,;:!?)\]}…]+$/, "");
    nodes.append(text.slice(done, index));
    const link = document.createElement("a");
    link.href = address(match);
    link.textContent = match;
    if (link.protocol.startsWith("http")) {
      link.target = "_blank";
      link.rel = "noopener noreferrer nofollow";
    }
    nodes.append(link);
    done = index + match.length;
  }
  nodes.append(text.slice(done));
  return nodes;
}
