// The widget's side of the Matrix widget API: asks the client for an OpenID token, once the person has
// typed the code, and sends both with the form. It keeps nothing, and asks for no other right.
"use strict";

const form = document.getElementById("proof");
const said = document.getElementById("status");
const clients = form.dataset.clients.split(" ");
const widgetId = new URLSearchParams(location.search).get("widgetId") || "";
let asked = null;

function send(message) {
  // We cannot know which of them shows us; the browser delivers to that one alone.
  for (const client of clients) window.parent.postMessage(message, client);
}

function answer(event, response) {
  event.source.postMessage({ ...event.data, response }, event.origin);
}

function take(credentials) {
  const { state, access_token: token, matrix_server_name: server } = credentials || {};
  if (state === "request") {
    said.textContent = "Your client asks you something. Please answer it there.";
  } else if (state === "allowed" && typeof token === "string" && typeof server === "string") {
    asked = null;
    form.elements.access_token.value = token;
    form.elements.matrix_server_name.value = server;
    form.submit();
  } else {
    asked = null;
    said.textContent = "Your client did not tell your account. Nothing was linked.";
  }
}

window.addEventListener("message", (event) => {
  if (event.source !== window.parent || !clients.includes(event.origin)) return;
  const data = event.data;
  if (typeof data !== "object" || data === null || data.widgetId !== widgetId) return;
  if (data.api === "fromWidget" && asked !== null && data.requestId === asked && data.response) {
    take(data.response);
  } else if (data.api === "toWidget" && !data.response) {
    if (data.action === "capabilities") answer(event, { capabilities: [] });
    else if (data.action === "supported_api_versions") answer(event, { supported_versions: ["0.0.1"] });
    else if (data.action === "openid_credentials") {
      answer(event, {});
      if (asked !== null && data.data && data.data.original_request_id === asked) take(data.data);
    } else answer(event, {});
  }
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (asked !== null) return;
  asked = `policybot-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
  said.textContent = "Asking your client who you are …";
  send({ api: "fromWidget", widgetId, requestId: asked, action: "get_openid", data: {} });
});

send({ api: "fromWidget", widgetId, requestId: "policybot-loaded", action: "content_loaded", data: {} });
