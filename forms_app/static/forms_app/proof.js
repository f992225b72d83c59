// Shows that this browser takes trouble (ALTCHA): finds the number whose hash we were given. Loaded
// only when the server asks for it, because very many sign-ups come from this address.

/** The proof as the server wants it; "" where there is no crypto.subtle, as without https. */
export async function solve({ algorithm, challenge, maxNumber, salt, signature }) {
  const text = new TextEncoder();
  for (let number = 0; globalThis.crypto?.subtle && number <= maxNumber; number++) {
    const hash = await crypto.subtle.digest(algorithm, text.encode(salt + number));
    const hex = [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    if (hex === challenge) {
      return btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }));
    }
  }
  return "";
}

// The page that asks for it where the form was sent without scripts. Its button is for people.
const form = document.querySelector("[data-proof]");
if (form) {
  form.elements.altcha.value = await solve(JSON.parse(form.dataset.proof));
  if (form.elements.altcha.value) form.requestSubmit();
}
