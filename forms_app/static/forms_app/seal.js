// Seals a sign-up so that only the server can open it: whoever takes the tablet reads nothing.
// A key pair of its own for each; its private half is forgotten at once, so the tablet itself can't
// open what it has sealed. The other side is forms_app/sealing.py.

const text = new TextEncoder();
const INFO = text.encode("customerinfo sign-up 1");
const CURVE = { name: "ECDH", namedCurve: "P-256" };

export const possible = () => Boolean(globalThis.crypto?.subtle);

/** `key` is {id, jwk} as the server gave it; `content` anything that JSON can say. */
export async function seal(key, id, formVersion, content) {
  const theirs = await crypto.subtle.importKey("jwk", key.jwk, CURVE, false, []);
  const own = await crypto.subtle.generateKey(CURVE, false, ["deriveBits"]);
  const ephemeral = await crypto.subtle.exportKey("raw", own.publicKey);
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, own.privateKey, 256);
  const secret = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
  const cipher = await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: ephemeral, info: INFO },
    secret,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt"],
  );
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const additionalData = text.encode(`${id}|${formVersion}`);
  const box = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData },
    cipher,
    text.encode(JSON.stringify(content)),
  );
  return {
    id,
    form_version: formVersion,
    key: key.id,
    ephemeral: base64(ephemeral),
    iv: base64(iv),
    box: base64(box),
  };
}

export function base64(bytes) {
  let binary = "";
  for (const byte of new Uint8Array(bytes)) binary += String.fromCharCode(byte);
  return btoa(binary);
}
