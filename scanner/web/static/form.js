// A scan goes to /api/read; each page comes back with its readings drawn on it, and all of them as a CSV.

const $ = (selector) => document.querySelector(selector);
const make = (tag, text = "", kind = "") => Object.assign(document.createElement(tag), { textContent: text, className: kind });
let asked = 0;

async function read(file) {
  if (!file) return;
  const number = (asked += 1);
  $("#save").hidden = true;
  $("#pages").replaceChildren();
  tell(`Reading ${file.name} ...`, "soft");
  const body = new FormData();
  body.append("file", file, file.name);
  try {
    const answer = await fetch("/api/read", { method: "POST", body });
    const told = await answer.json();
    if (number !== asked) return;
    if (!answer.ok) throw new Error(typeof told.detail === "string" ? told.detail : "that cannot be read");
    show(told);
  } catch (error) {
    if (number === asked) tell(error.message, "bad");
  }
}

function show(told) {
  const fields = told.pages.flatMap((page) => page.fields);
  const review = fields.filter((field) => field.status === "review").length;
  tell(`${told.file}: ${fields.length} fields, ${review} to review`, "soft");
  $("#csv").href = URL.createObjectURL(new Blob([told.csv], { type: "text/csv" }));
  $("#csv").download = `${told.file.replace(/\.[^.]*$/, "")}.csv`;
  $("#save").hidden = !fields.length;
  $("#pages").replaceChildren(...told.pages.flatMap(page));
}

function page(each) {
  const parts = [make("h2", `Page ${each.page}${each.form ? `: ${each.form}` : ""}`)];
  if (each.reason) parts.push(make("p", `${each.reason.replaceAll("_", " ")}${each.detail ? `: ${each.detail}` : ""}`, each.overlay ? "doubt" : "bad"));
  if (each.fields.length) parts.push(table(each.fields));
  if (each.overlay) {
    const picture = make("img", "", "overlay");
    picture.alt = `Page ${each.page} with what was read`;
    picture.src = `data:image/jpeg;base64,${each.overlay}`;
    parts.push(picture);
  }
  return parts;
}

function table(fields) {
  const wide = make("div", "", "wide");
  const rows = make("table");
  const head = rows.createTHead().insertRow();
  for (const name of ["field", "value", "confidence", "status", "reason"]) head.append(make("th", name));
  for (const field of fields) {
    const row = rows.insertRow();
    row.append(make("td", field.field), make("td", field.value), make("td", field.confidence, "n"),
      make("td", field.status, field.status === "accepted" ? "good" : field.status === "review" ? "doubt" : "soft"), make("td", field.reason.replaceAll("_", " ")));
  }
  wide.append(rows);
  return wide;
}

function tell(text, kind) {
  $("#told").textContent = text;
  $("#told").className = `problem ${kind}`;
}

$("#file").addEventListener("change", (event) => { read(event.target.files[0]); event.target.value = ""; });
$("#choose").addEventListener("click", () => $("#file").click());
document.addEventListener("dragover", (event) => { event.preventDefault(); $("#drop").classList.add("over"); });
document.addEventListener("dragleave", () => $("#drop").classList.remove("over"));
document.addEventListener("drop", (event) => { event.preventDefault(); $("#drop").classList.remove("over"); read(event.dataTransfer.files[0]); });
document.addEventListener("paste", (event) => read([...event.clipboardData.files][0]));
