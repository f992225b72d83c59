// Spaces in a phone number while it is typed, as its country writes them. Only spaces come, never a
// digit goes: a number that isn't written like this stays as it was typed.

// Country → calling code, and how a mobile number is written there. "x" is any digit.
const NUMBERS = {
  NL: ["31", "06 xx xx xx xx"],
  BE: ["32", "04xx xx xx xx"],
  LU: ["352", "6xx xxx xxx"],
  DE: ["49", "01xx xxxxxxxx"],
  AT: ["43", "06xx xxxxxxxx"],
  CH: ["41", "07x xxx xx xx"],
  FR: ["33", "0x xx xx xx xx"],
  ES: ["34", "xxx xx xx xx"],
  IT: ["39", "3xx xxx xxxx"],
  PT: ["351", "9xx xxx xxx"],
  GB: ["44", "07xxx xxxxxx"],
  IE: ["353", "08x xxx xxxx"],
  DK: ["45", "xx xx xx xx"],
  NO: ["47", "xxx xx xxx"],
  SE: ["46", "07x xxx xx xx"],
  PL: ["48", "xxx xxx xxx"],
  US: ["1", "xxx xxx xxxx"],
  CA: ["1", "xxx xxx xxxx"],
};

/** `text` with the spaces of `country` (ISO 3166), or of the country that its "+…" says. */
export function spaced(text, country) {
  const typed = text.replace(/ /g, "");
  if (!/^(\+|0?[1-9])\d*$/.test(typed)) return text;
  if (typed[0] !== "+") return fill(NUMBERS[country]?.[1], typed) ?? text;
  for (const [code, written] of Object.values(NUMBERS)) {
    // Abroad the first zero isn't dialled.
    const found = fill(`+${code} ${written.replace(/^0/, "").trimStart()}`, typed);
    if (found) return found;
  }
  return text;
}

/** `typed` with the spaces of `written`; nothing if it can't be the beginning of such a number. */
function fill(written = "", typed) {
  let out = "";
  let at = 0;
  for (const sign of written) {
    if (at === typed.length) return out;
    if (sign === " ") out += sign;
    else if (sign === "x" || sign === typed[at]) out += typed[at++];
    else return;
  }
  return at === typed.length ? out : undefined;
}

export function spaceWhileTyping(input, country) {
  input.addEventListener("input", (event) => {
    const atEnd = input.selectionStart === input.value.length;
    // In the middle of a number, or taking digits away, a moving space would be in the way.
    if (!atEnd || event.inputType?.startsWith("delete")) return;
    input.value = spaced(input.value, country());
  });
}
