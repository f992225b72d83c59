// Sends the form without leaving the page: no sign-up stays behind in the browser's history.

const PATIENCE = 20_000; // milliseconds

/**
 * Resolves to {} when the server has given its receipt, else to {errors} by field (see Django's
 * get_json_data) or {error}. Rejects when no answer came.
 */
export async function post(address, data) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams(data),
    signal: AbortSignal.timeout(PATIENCE),
  });
  const said = await answer.json();
  if (said.proof && !data.has("altcha")) {
    const { solve } = await import("./proof.js");
    data.set("altcha", await solve(said.proof));
    return post(address, data);
  }
  if (answer.ok && !said.receipt) throw new Error("an answer without a receipt");
  return answer.ok ? {} : said;
}

/** A version 4 UUID. `randomUUID` is missing where a shop tries the page over plain http. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
