// Whether the store is open, by its own clock. The other side is forms_app/opening_hours.py, and
// forms_app/tests/hours.json holds for both.

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** {day: 0 (Monday) … 6, clock: "HH:MM"} of a moment in a time zone. */
function localTime(zone, at) {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(at);
  const part = (type) => parts.find((one) => one.type === type).value;
  return {
    day: DAYS.indexOf(part("weekday").toLowerCase()),
    clock: `${part("hour")}:${part("minute")}`,
  };
}

/** `hours` is {zone, days: {"mon": ["09:00", "18:00"], …}}, or null: always open. */
export function isOpen(hours, at = new Date()) {
  if (!hours) return true;
  const { day, clock } = localTime(hours.zone, at);
  const on = (index) => hours.days[DAYS[(index + 7) % 7]] ?? ["", ""];
  const [opens, closes] = on(day);
  if (opens && opens <= clock && (clock < closes || closes <= opens)) return true;
  const [opened, closed] = on(day - 1);
  return Boolean(opened) && closed <= opened && clock < closed;
}

/** When it opens next, in words of `language`: "Monday 09:00"; "" if never. */
export function opensNext(hours, language, at = new Date()) {
  const { day, clock } = localTime(hours.zone, at);
  for (let ahead = 0; ahead <= 7; ahead++) {
    const opens = hours.days[DAYS[(day + ahead) % 7]]?.[0];
    if (!opens || (!ahead && opens <= clock)) continue;
    if (!ahead) return opens;
    // 1 January 2024 was a Monday.
    const name = new Date(Date.UTC(2024, 0, 1 + ((day + ahead) % 7)));
    const weekday = name.toLocaleDateString(language, { weekday: "long", timeZone: "UTC" });
    return `${weekday} ${opens}`;
  }
  return "";
}
