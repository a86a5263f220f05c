// Does the work that one report costs: it looks for a number with which the form's seal has a hash that
// begins with so many zero bits. It begins while somebody writes, so that nobody has to wait; where it
// cannot be done, the form is sent without it, and fewer of those are taken.
"use strict";

const form = document.getElementById("form");
const said = document.getElementById("working");
const sealed = document.getElementById("sealed").value;
const answer = document.getElementById("answer");
const work = Number(form.dataset.work);
const AT_ONCE = 256;
const LONGEST_WAIT = 30000;
let working = null;

function zeros(hash) {
  let bits = 0;
  for (const byte of new Uint8Array(hash)) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24;
    bits += 8;
  }
  return bits;
}

async function search() {
  if (!globalThis.crypto?.subtle) return;
  const encoder = new TextEncoder();
  for (let first = 0; ; first += AT_ONCE) {
    const numbers = Array.from({ length: AT_ONCE }, (_, n) => first + n);
    const hashes = await Promise.all(
      numbers.map((n) => crypto.subtle.digest("SHA-256", encoder.encode(`${sealed}:${n}`))),
    );
    const found = hashes.findIndex((hash) => zeros(hash) >= work);
    if (found >= 0) {
      answer.value = String(numbers[found]);
      return;
    }
  }
}

function begin() {
  working ??= search().catch(() => {});
  return working;
}

form.addEventListener("input", begin, { once: true });
form.addEventListener("submit", async (event) => {
  if (answer.value) return;
  event.preventDefault();
  if (form.dataset.sent) return;
  form.dataset.sent = "yes";
  said.textContent = "One moment: your browser does a little work, so that nobody floods us.";
  await Promise.race([begin(), new Promise((done) => setTimeout(done, LONGEST_WAIT))]);
  form.submit();
});
window.addEventListener("pageshow", () => {
  delete form.dataset.sent;
  said.textContent = "";
});
