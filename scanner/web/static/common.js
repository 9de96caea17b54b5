// What all pages of the review share: the session, requests, and who is at the keyboard.

export const $ = (selector) => document.querySelector(selector);

let token = "";

export async function openSession() {
  const session = await (await fetch("/api/session")).json();
  token = session.token;
  return session;
}

export async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Scanner": token },
    body: JSON.stringify(body),
  });
  if (answer.status === 403) {  // the server was started anew
    location.reload();
  }
  const told = await answer.json();
  if (!answer.ok) {
    throw Object.assign(new Error(typeof told.detail === "string" ? told.detail : "that cannot be"), { status: answer.status });
  }
  return told;
}

export const get = async (path) => (await fetch(path)).json();

export function person() {
  return localStorage.getItem("scanner-who") || "";
}

export function setPerson(name) {
  localStorage.setItem("scanner-who", name);
}

export function askPerson() {
  // Resolves with the name of who is reviewing, asked once.
  return new Promise((resolve) => {
    const form = $("#who-form");
    if (person()) {
      $("#who").textContent = person();
      resolve(person());
      return;
    }
    form.hidden = false;
    $("#who-name").focus();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const name = $("#who-name").value.trim();
      if (name) {
        setPerson(name);
        form.hidden = true;
        $("#who").textContent = name;
        resolve(name);
      }
    });
  });
}

window.addEventListener("unhandledrejection", (event) => {
  if (event.reason instanceof TypeError && event.reason.message.includes("fetch")) {
    event.preventDefault();
    $("#left").textContent = "the server does not answer: is it still running?";
  }
});

export async function showProgress() {
  const told = await get("/api/progress");
  const done = Object.values(told.done).reduce((sum, each) => sum + each, 0);
  const left = told.waiting + told.samples;
  $("#bar").max = Math.max(done + left, 1);
  $("#bar").value = done;
  $("#left").textContent = `${left.toLocaleString("en")} left` + (told.samples ? `, ${told.samples} of them samples` : "");
  return left;
}
