// The mapping editor, improved. Without this it is a form whose inputs search a list.
import { attributePicker } from "./attribute-picker.js";

const data = JSON.parse(document.getElementById("crm-attributes-data").textContent);
const attributes = data.attributes;
const plain = (text) => text.normalize("NFC").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");

function find(text) {
  const wanted = plain(text);
  return attributes.find((one) => one.name === text || plain(one.text) === wanted);
}

// What the CRM holds there, beside the input, as soon as it is chosen.
function follow(row, input) {
  const holds = row.querySelector("[data-holds]");
  const chosen = input.value.trim() ? find(input.value) : undefined;
  if (holds) holds.textContent = chosen ? chosen.holds : "";
}

for (const row of document.querySelectorAll("[data-row]")) {
  const input = row.querySelector("[data-picker]");
  if (!input) continue;
  if (attributes.length) attributePicker(input, attributes, row.dataset.type);
  input.addEventListener("change", () => follow(row, input));
  row.querySelector("[data-remove]")?.addEventListener("click", (event) => {
    event.preventDefault();
    input.value = "";
    input.dispatchEvent(new Event("change", { bubbles: true }));
    input.focus();
  });
}

// After a row was added, go there.
const added = document.querySelector("[data-added]");
if (added) added.scrollIntoView({ block: "center" });
