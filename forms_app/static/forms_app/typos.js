// "gmial.com → gmail.com?": a hint under an e-mail address whose domain looks mistyped. Only a hint:
// the address is mended when the shopper presses it, and sent as typed when not.

// Providers, with the endings they have; "*": a country's own, too.
const PROVIDERS = {
  gmail: ["com"],
  googlemail: ["com"],
  icloud: ["com"],
  hotmail: ["com", "*"],
  outlook: ["com", "*"],
  yahoo: ["com", "*"],
  live: ["com", "*"],
  mail: ["com", "*"],
  email: ["com", "*"],
  gmx: ["com", "net", "*"],
  ymail: ["com"],
  msn: ["com"],
  aol: ["com"],
  protonmail: ["com"],
  proton: ["me"],
  ziggo: ["nl"],
  kpnmail: ["nl"],
  planet: ["nl"],
  hetnet: ["nl"],
  telenet: ["be"],
  skynet: ["be"],
  freenet: ["de"],
  "t-online": ["de"],
  orange: ["fr"],
  wanadoo: ["fr"],
  laposte: ["net"],
  btinternet: ["com"],
  bluewin: ["ch"],
};
const SHORTEST = 5; // letters: one letter away from a shorter name may well be another name
const PARTS_OF_COM = ["co", "cm", "om"]; // countries, too, but none where these providers are at home

/** The address as it was probably meant; "" when it looks right or is anybody's guess. */
export function mended(address) {
  const parts = /^([^@\s]+)@([^@\s.]+)\.([^@\s]+)$/.exec(address);
  if (!parts) return "";
  const [name, ending] = [parts[2].toLowerCase(), parts[3].toLowerCase()];
  const known = Object.hasOwn(PROVIDERS, name) ? name : neighbour(name, ending);
  if (!known) return "";
  const endings = PROVIDERS[known];
  const right = fits(ending, endings) ? ending : slipOf(ending, endings);
  if (!right || (known === name && right === ending)) return "";
  return `${parts[1]}@${known}.${right}`;
}

function neighbour(name, ending) {
  return Object.keys(PROVIDERS).find(
    (known) =>
      known.length >= SHORTEST &&
      isOneSlip(name, known) &&
      (fits(ending, PROVIDERS[known]) || slipOf(ending, PROVIDERS[known])),
  );
}

function fits(ending, endings) {
  if (endings.includes(ending)) return true;
  const country = /^([a-z]{2}|com?\.[a-z]{2})$/.test(ending) && !PARTS_OF_COM.includes(ending);
  return country && endings.includes("*");
}

function slipOf(ending, endings) {
  return endings.find((one) => one !== "*" && isOneSlip(ending, one));
}

/** Whether one letter is missing, added or wrong, or two neighbours are swapped. */
function isOneSlip(typed, meant) {
  if (typed === meant) return false;
  let start = 0;
  while (start < typed.length && typed[start] === meant[start]) start++;
  const [a, b] = [typed.slice(start), meant.slice(start)];
  return (
    a.slice(1) === b || a === b.slice(1) || a.slice(1) === b.slice(1) ||
    (a.length > 1 && a[0] === b[1] && a[1] === b[0] && a.slice(2) === b.slice(2))
  );
}

/** Shows the hint below the field's input while it has something to say. */
export function hintAt(field, announce) {
  const input = field.querySelector("input");
  const hint = field.querySelector("[data-typo]");
  let better = "";
  input.addEventListener("change", () => {
    better = mended(input.value.trim());
    hint.hidden = !better;
    hint.textContent = hint.dataset.text.replace("{address}", () => better);
    if (better) announce(hint.textContent);
  });
  input.addEventListener("input", () => (hint.hidden = true));
  hint.addEventListener("click", () => {
    input.value = better;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.focus();
  });
}
