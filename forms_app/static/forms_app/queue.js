// What the tablet keeps in IndexedDB: sealed sign-ups until the server has them, and a few values
// of its own (the key that seals, the wait after a wrong PIN …). Nothing here can be read by a
// person: see seal.js.

const NAME = "customerinfo";
let opening = null;

function open() {
  return (opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      const entries = request.result.createObjectStore("entries", {
        keyPath: "seq",
        autoIncrement: true,
      });
      entries.createIndex("id", "id", { unique: true });
      request.result.createObjectStore("values");
    };
    request.onsuccess = () => {
      const db = request.result;
      // The browser may close it under us (storage cleared, another tab wipes): open it again then.
      db.onclose = () => (opening = null);
      db.onversionchange = () => {
        db.close();
        opening = null;
      };
      resolve(db);
    };
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("blocked"));
  }).catch((error) => {
    opening = null;
    throw error;
  }));
}

/** Runs `work(store)` in one transaction of one store; resolves when it is really on the disk. */
async function transact(name, mode, work, again = true) {
  try {
    const db = await open();
    return await new Promise((resolve, reject) => {
      const transaction = db.transaction(name, mode, { durability: "strict" });
      const request = work(transaction.objectStore(name));
      transaction.oncomplete = () => resolve(request?.result);
      transaction.onabort = transaction.onerror = () =>
        reject(transaction.error ?? request?.error ?? new Error("aborted"));
    });
  } catch (error) {
    // Closed since it was opened: once more, with a new connection.
    if (!again || !["InvalidStateError", "AbortError", "UnknownError"].includes(error?.name)) {
      throw error;
    }
    opening = null;
    return transact(name, mode, work, false);
  }
}

export const get = (key) => transact("values", "readonly", (store) => store.get(key));
export const set = (key, value) => transact("values", "readwrite", (store) => store.put(value, key));

/** Whether something can be written here and read back. */
export async function writable() {
  try {
    const word = crypto.getRandomValues(new Uint32Array(1))[0];
    await set("write test", word);
    return (await get("write test")) === word;
  } catch {
    return false;
  }
}

/** Keeps a sealed sign-up. The same id twice is one. */
export async function add(envelope) {
  const entry = { id: envelope.id, at: Date.now(), tries: 0, due: 0, envelope };
  try {
    await transact("entries", "readwrite", (store) => store.add(entry));
  } catch (error) {
    if (error?.name !== "ConstraintError") throw error;
  }
}

/** All entries, the oldest first. */
export const all = () => transact("entries", "readonly", (store) => store.getAll());

export const remove = (entries) =>
  transact("entries", "readwrite", (store) => {
    for (const { seq } of entries) store.delete(seq);
  });

/** Not before `due`, by this tablet's clock. */
export const postpone = (entry, due) =>
  transact("entries", "readwrite", (store) => store.put({ ...entry, tries: entry.tries + 1, due }));

/** Forgets everything, for ever. */
export async function wipe() {
  const db = await open();
  db.close();
  opening = null;
  await new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(NAME);
    request.onsuccess = resolve;
    request.onerror = () => reject(request.error);
  });
}
