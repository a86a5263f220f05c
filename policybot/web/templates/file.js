// Saves the form of a filing while it is written: what is typed is sent a moment after the last key, and
// the page says when it was saved or why it was not. Files and handing in are the form's own affair.
"use strict";

const form = document.getElementById("form");
const said = document.getElementById("saved");
const PAUSE = 1500;
const AGAIN = 10000;
let timer = null;
let running = false;
let unsaved = false;
let leaving = false;

function soon(pause) {
  clearTimeout(timer);
  timer = setTimeout(save, pause);
}

async function save() {
  if (leaving) return;
  if (running) {
    soon(PAUSE);
    return;
  }
  running = true;
  unsaved = false;
  const data = new FormData(form);
  data.delete("files");
  said.textContent = "Saving …";
  try {
    const answer = await fetch(`${location.pathname}/draft`, { method: "POST", body: data });
    const words = await answer.json();
    if (answer.ok) {
      const at = new Date(words.saved).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      said.textContent = `Saved at ${at}.`;
    } else {
      unsaved = true;
      said.textContent = `Not saved: ${words.error}`;
      if (answer.status === 429) soon(AGAIN);
    }
  } catch {
    unsaved = true;
    said.textContent = "Not saved: the page cannot reach us. What you write stays here, and I try again.";
    soon(AGAIN);
  }
  running = false;
}

form.addEventListener("input", (event) => {
  if (event.target.type === "file") return;
  unsaved = true;
  soon(PAUSE);
});
form.addEventListener("submit", () => {
  leaving = true;
  clearTimeout(timer);
});
window.addEventListener("pageshow", () => {
  leaving = false;
});
window.addEventListener("beforeunload", (event) => {
  if (unsaved && !leaving) event.preventDefault();
});
