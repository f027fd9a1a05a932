// Shows the data of the audit page. What the data holds becomes text nodes only, never markup.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const files = data.files;
const placeOf = new Map(files.map((file, place) => [file.path, place]));
const panel = document.getElementById("panel");
const search = document.getElementById("search");
const NARROW = matchMedia("(max-width: 60rem)");
const UNFOLDED = 60; // a chain of more files than this is told as the list of what its file was made from
const SAMPLES = ["sample-grid", "sample"];
const NAMES = { main: "Main table", grid: "Every grid point", "trade-off": "Steps against blocks", claims: "Claims", verdicts: "Verdicts" };

// Elements

function el(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  return fill(element, ...children);
}

function fill(element, ...children) {
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== "" && value !== undefined);
  return el("dl", { class: "facts" }, shown.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

// As facts, side by side.
function brief(pairs) {
  const list = facts(pairs);
  list.className = "brief";
  return list;
}

// A path that breaks after its slashes, where it has to.
function path(text) {
  const parts = text.split("/").flatMap((part, k) => (k ? ["/", document.createElement("wbr"), part] : [part]));
  return el("span", { class: "path" }, parts);
}

function more(summary, ...children) {
  return el("details", {}, el("summary", {}, summary), ...children);
}

// "T = 1" stays on one line.
function unbroken(text) {
  return text.replaceAll(" = ", "\u00a0=\u00a0");
}

function count(number, one, several) {
  return `${number} ${number === 1 ? one : several || one + "s"}`;
}

// Copying

function say(text) {
  const place = document.getElementById("said");
  place.textContent = "";
  requestAnimationFrame(() => (place.textContent = text));
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Not every browser gives a page from disk the clipboard.
    const area = el("textarea", { class: "unseen", "aria-hidden": "true" });
    area.value = text;
    (panel.open ? panel : document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

function copyButton(text, what) {
  const button = el("button", { type: "button", class: "copy", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    const done = await copy(text);
    button.focus();
    button.textContent = done ? "Copied" : "Select and copy it by hand";
    say(done ? `Copied ${what}` : `The browser does not let this page copy ${what}`);
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  return button;
}

function command(text, what) {
  return el("div", { class: "command" }, el("code", {}, text.split(" ").flatMap((word, k) => [k ? " " : "", path(word)])), copyButton(text, what));
}

function digest(sha256, what) {
  return el("span", { class: "digest" }, el("code", {}, sha256), " ", copyButton(sha256, what));
}

// Words

function moment(told) {
  const found = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(\+00:00|Z)$/.exec(told || "");
  return found ? `${found[1]} ${found[2]} UTC` : told || "";
}

function duration(file) {
  const seconds = (Date.parse(file.ended) - Date.parse(file.started)) / 1000;
  if (!Number.isFinite(seconds) || seconds < 0) return "";
  if (seconds < 1) return "under 1 s";
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function size(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) [bytes, unit] = [bytes / 1024, unit + 1];
  return `${unit && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}

function state(name) {
  return el("span", { class: `state ${name.split(" ")[0]}` }, name);
}

// Where a file's command is offered: names that the workflow gives, which a shell takes as they are.
function isPlain(name) {
  return /^[A-Za-z0-9_][A-Za-z0-9_.\/-]*$/.test(name);
}

// The head

function head() {
  const audit = data.audit;
  const whole = audit.broken === 0;
  const removed = audit.removed ? `, ${audit.removed} removed as temporary` : "";
  const told = `${count(audit.verified, "file")} verified${removed}, ${audit.broken} not.`;
  const commits = audit.commits.map(({ commit, dirty }) => commit.slice(0, 12) + (dirty ? " with uncommitted changes" : ""));
  fill(
    document.getElementById("top"),
    el("p", { class: "over" }, "Audit of the suite"),
    el("h1", {}, data.suite),
    el("p", { class: `outcome ${whole ? "verified" : "broken"}` }, el("strong", {}, told), ` Audited ${moment(audit.made)}.`),
    verdicts(),
    audit.problems.length ? problems(audit.problems) : null,
    facts([
      ["Digest of all records", digest(audit.digest, "the digest")],
      ["Check it now", command(`odelt audit results/${data.suite}`, "the command that audits")],
      [commits.length > 1 ? "Code at commits" : "Code at commit", commits.join(", ")],
      [audit.machines.length > 1 ? "Machines" : "Machine", audit.machines.join("; ")],
    ]),
    el(
      "p",
      { class: "hint" },
      "An underlined number opens the chain behind it, down to the download. Keys: ",
      ...[["/", "search"], ["Tab", "next table"], ["arrows", "within a table"], ["Enter", "open"], ["Esc", "close"]].flatMap(
        ([key, does], k) => [k ? ", " : "", el("kbd", {}, key), ` ${does}`],
      ),
      ".",
    ),
  );
}

// Stated plainly only where the file that says it is verified.
function verdicts() {
  const { summary, unverified } = data.verdicts || {};
  if (unverified) return el("p", { class: "warning" }, `The verdicts are not verified: ${unverified}.`, summary ? ` It says: “${summary}”` : "");
  return summary ? el("p", { class: "summary" }, summary) : null;
}

function rule() {
  const { rule: told, unverified } = data.verdicts || {};
  return told && unverified ? `${told} (not verified: ${unverified})` : told;
}

function problems(lines) {
  const listed = el("ul", {}, lines.map((line) => el("li", {}, line)));
  const details = more(`What is not verified (${lines.length})`, listed);
  details.open = lines.length <= 12;
  details.className = "problems";
  return details;
}

// The tables

function title(table) {
  const [experiment, name] = table.id.includes("/") ? table.id.split("/") : ["", table.id];
  const told = NAMES[name] || name;
  return experiment ? `${experiment}: ${told[0].toLowerCase()}${told.slice(1)}` : told;
}

function tables() {
  const main = document.getElementById("tables");
  const contents = document.getElementById("contents");
  for (const table of data.tables) {
    main.append(section(table));
    contents.append(el("a", { href: `#table=${table.id}` }, title(table)));
  }
  if (!data.tables.length) main.append(el("p", {}, "No table is published in this folder yet."));
  main.append(listing());
  contents.append(el("a", { href: "#table=files" }, "Files"));
}

function section(table) {
  const states = table.files.map((place) => files[place].state);
  const worst = states.find((one) => one !== "verified") || "verified";
  const shown = el(
    "section",
    { "data-table": table.id },
    el(
      "div",
      { class: "heading" },
      el("h2", { tabindex: "-1" }, title(table)),
      state(worst),
      ...table.files.map((place) => fileButton(place, files[place].path.split("/").pop())),
    ),
  );
  if (worst !== "verified")
    shown.append(el("p", { class: "warning" }, "Not verified: this table's file is not what was recorded, so what it says may not be what was made."));
  if (table.unlinked)
    shown.append(el("p", { class: "warning" }, `Its numbers lead nowhere: the CSV beside it does not hold the same rows (${table.unlinked}).`));
  const [first, ...rest] = table.blocks;
  const blocks = first && first.kind === "heading" ? rest : table.blocks; // the title is told above
  let heading = "";
  for (const block of blocks) {
    if (block.kind === "heading") heading = block.text;
    shown.append(part(block, table, heading));
  }
  return shown;
}

function part(block, table, heading) {
  if (block.kind === "heading") return el("h3", {}, unbroken(block.text));
  if (block.kind === "list") return el("ul", { class: "note" }, block.items.map((item) => el("li", {}, item)));
  if (block.kind === "paragraph") return el("p", { class: "note" }, block.text);
  return grid(block, [title(table), heading].filter(Boolean).join(", "));
}

function grid(block, label) {
  const texts = block.columns.map((_, k) => block.rows.every((row) => typeof row[k] === "string" && !isNumber(row[k])));
  const lines = block.rows.map((row) => {
    const line = el("tr", {}, row.map((one, k) => cell(one, k, row, block, texts[k], label)));
    line.dataset.words = words(row);
    return line;
  });
  const header = block.columns.map((heading, k) => el("th", { scope: "col", class: texts[k] ? "text" : "" }, unbroken(heading)));
  const table = el("table", { "aria-label": label }, el("thead", {}, el("tr", {}, header)), el("tbody", {}, lines));
  return scrolling(table, label);
}

function scrolling(table, label) {
  const buttons = table.querySelectorAll("button");
  const box = el("div", { class: "scroll" }, table);
  if (buttons.length) {
    table.setAttribute("role", "grid");
    table.addEventListener("keydown", walk);
    table.addEventListener("focusin", ({ target }) => stopAt(table, target));
    stopAt(table, buttons[0]);
  } else {
    Object.entries({ tabindex: "0", role: "region", "aria-label": label }).forEach((pair) => box.setAttribute(...pair));
  }
  return box;
}

// The table's one stop for Tab; the arrows go on from there.
function stopAt(table, button) {
  table.querySelectorAll("button").forEach((other) => (other.tabIndex = other === button ? 0 : -1));
}

function isNumber(text) {
  return text === "" || /^[+−-]?[\d.]/.test(text);
}

function cell(one, column, row, block, isText, label) {
  const shown = typeof one === "string" ? one : one[0];
  const differs = /^differs/.test(shown);
  const name = column === 0 ? "th" : "td";
  const element = el(name, { scope: column === 0 ? "row" : null, class: [isText ? "text" : "", differs ? "differs" : ""].join(" ").trim() || null });
  if (typeof one === "string") {
    element.append(differs ? el("strong", {}, shown) : shown);
    return element;
  }
  const sound = one[1].every((place) => files[place].sound);
  const about = row.map((other, k) => [block.columns[k], other]).filter(([, other]) => typeof other === "string" && other !== "");
  const number = { text: shown, heading: block.columns[column], exact: one[2], published: one[3], files: one[1], about, table: label };
  const button = (number.button = el("button", { type: "button", class: "number", "aria-haspopup": "dialog" }, shown));
  button.addEventListener("click", () => openChain({ number, place: one[1][0], from: button }));
  element.append(button);
  if (!sound) element.append(el("span", { class: "unsound" }, " not verified"));
  numbers.push(number);
  return element;
}

const numbers = []; // all that are linked, with their buttons

function words(row) {
  const told = row.flatMap((one) => (typeof one === "string" ? [one] : [one[0], ...one[1].flatMap((place) => [files[place].path, files[place].sha256 || ""])]));
  return told.join(" ").toLowerCase();
}

function walk(event) {
  const from = event.target.closest("td, th");
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -Infinity], End: [0, Infinity] }[event.key];
  if (!step || !from || event.ctrlKey || event.altKey || event.metaKey) return;
  const lines = [...event.currentTarget.querySelectorAll("tbody tr:not([hidden])")];
  const line = lines.indexOf(from.parentElement);
  const button = (row, column) => row && row.cells[column] && row.cells[column].querySelector("button");
  let found = null;
  if (step[0]) {
    for (let k = line + step[0]; k >= 0 && k < lines.length && !found; k += step[0]) found = button(lines[k], from.cellIndex);
  } else {
    const cells = [...from.parentElement.cells].filter((one) => one.querySelector("button"));
    const place = Math.min(Math.max(cells.indexOf(from) + step[1], 0), cells.length - 1);
    found = cells[place].querySelector("button");
  }
  event.preventDefault();
  if (found) found.focus();
}

function fileButton(place, text, properties) {
  const button = el("button", { type: "button", class: "file", ...properties }, text || path(files[place].path));
  button.addEventListener("click", () => openChain({ place, from: button }));
  return button;
}

function listing() {
  const order = files.map((_, place) => place).sort((a, b) => isWhole(files[a]) - isWhole(files[b]) || a - b);
  const columns = ["file", "state", "made by", "sha256", "size"];
  const lines = order.map((place) => {
    const file = files[place];
    const line = el(
      "tr",
      {},
      el("th", { scope: "row", class: "text" }, fileButton(place)),
      el("td", { class: "text" }, state(file.state)),
      el("td", { class: "text" }, file.verb || "no record"),
      el("td", { class: "text" }, file.sha256 ? el("code", {}, file.sha256.slice(0, 12)) : ""),
      el("td", {}, file.sha256 ? size(file.bytes) : ""),
    );
    line.dataset.words = [file.path, file.state, file.verb, file.sha256].join(" ").toLowerCase();
    return line;
  });
  const header = columns.map((name, k) => el("th", { scope: "col", class: k < 4 ? "text" : "" }, name));
  const table = el("table", { "aria-label": "All files" }, el("thead", {}, el("tr", {}, header)), el("tbody", {}, lines));
  return el(
    "section",
    { "data-table": "files" },
    el("div", { class: "heading" }, el("h2", { tabindex: "-1" }, "Files")),
    el("p", { class: "note" }, "Every file that was audited, what is not verified first."),
    scrolling(table, "All files"),
  );
}

function isWhole(file) {
  return file.state === "verified" || file.state.startsWith("removed");
}

// The chain

// What a file was made from, all of it, by how many steps it is away at most; what goes round in a circle comes last.
function ancestors(start) {
  const inputs = (place) => files[place].inputs.map(([to]) => to).filter((to) => typeof to === "number");
  const found = new Set([start]);
  for (const place of found) inputs(place).forEach((to) => found.add(to));
  const waits = new Map([...found].map((place) => [place, 0]));
  for (const place of found) for (const to of inputs(place)) waits.set(to, waits.get(to) + 1);
  const depth = new Map([[start, 0]]);
  const ready = waits.get(start) === 0 ? [start] : [];
  for (const place of ready)
    for (const to of inputs(place)) {
      depth.set(to, Math.max(depth.get(to) || 0, depth.get(place) + 1));
      waits.set(to, waits.get(to) - 1);
      if (waits.get(to) === 0) ready.push(to);
    }
  const done = new Set(ready);
  ready.sort((a, b) => depth.get(a) - depth.get(b));
  return [...ready, ...[...found].filter((place) => !done.has(place))];
}

// Of a score: what made the samples, apart from what they are measured against.
function split(start, all) {
  const samples = all.filter((place) => SAMPLES.includes(files[place].verb));
  if (!samples.length) return [all, []];
  const below = new Set(samples.flatMap(ancestors));
  const leads = (place) => ancestors(place).some((one) => samples.includes(one));
  const chain = all.filter((place) => place === start || below.has(place) || leads(place));
  return [chain, all.filter((place) => !chain.includes(place))];
}

// Files that one job made stand together.
function jobs(places) {
  const found = new Map();
  for (const place of places) {
    const file = files[place];
    const key = file.verb ? [file.verb, file.parameters, file.started, file.path.split("/").slice(0, -1).join("/")].join("\n") : file.path;
    if (!found.has(key)) found.set(key, []);
    found.get(key).push(place);
  }
  return [...found.values()];
}

function steps(places, start) {
  return el("ol", { class: "chain" }, jobs(places).map((job) => card(job, job.includes(start))));
}

function card(job, first) {
  const file = files[job[0]];
  const made = [moment(file.ended), duration(file)].filter(Boolean).join(", took ");
  const element = el(
    "li",
    {},
    el("h4", {}, stepName(file), isDownload(file) ? "" : el("span", { class: "when" }, made)),
    job.map((place) => fileLine(place, first)),
    file.source !== undefined ? source(file) : null,
    file.verb && !file.inputs.length && !isDownload(file)
      ? el("p", { class: "note" }, "Made from no file: what it holds comes with the packages it ran with.")
      : null,
    file.verb === "train" ? training(file) : null,
    file.verb ? record(file) : null,
  );
  return element;
}

function isDownload(file) {
  return file.source !== undefined;
}

function stepName(file) {
  const name = file.path.split("/").slice(-2, -1)[0];
  if (file.verb === "train" || file.verb === "import-checkpoint") return `${file.step}: ${name}`;
  return file.step || "File without a record";
}

function fileLine(place, first) {
  const file = files[place];
  return el(
    "div",
    { class: "line" },
    first ? path(file.path) : fileButton(place, null, { class: "file path" }),
    state(file.state),
    file.sha256 ? more(el("span", {}, "sha256 ", el("code", {}, `${file.sha256.slice(0, 12)}…`)), digest(file.sha256, `the sha256 of ${file.path}`), el("span", { class: "size" }, size(file.bytes))) : null,
    file.problems.length ? el("ul", { class: "problems" }, file.problems.map((problem) => el("li", {}, problem))) : null,
    file.removed ? el("p", { class: "note" }, `Removed on purpose, ${moment(file.removed)}; the hash is the one that it had.`) : null,
  );
}

function source(file) {
  const known = data.sources[file.source];
  if (!known) return el("p", { class: "note" }, `The source “${file.source}” is not in the registry that was kept with the results (sources.yaml).`);
  return facts([
    ["What", known.what],
    ["Licence", known.licence],
    ["Address", el("span", { class: "address" }, el("code", {}, known.address), " ", copyButton(known.address, "the address"))],
    ["Revision", known.revision],
    ["Digest", known.lock],
    ["Fetched", moment(file.ended)],
  ]);
}

function parameter(file, name) {
  const found = data.parameters[file.parameters].find(([key]) => key === name);
  return found && found[1] !== "null" ? found[1] : null;
}

function training(file) {
  const folder = file.path.slice(0, file.path.lastIndexOf("/"));
  const place = placeOf.get(`${folder}/training.csv`);
  const start = parameter(file, "start");
  const shown = [
    brief([
      ["Start weights", start ? path(start) : "fresh ones"],
      ["Seed", file.seed],
      ["Steps", parameter(file, "training.steps")],
      ["Batch", parameter(file, "training.batch_size")],
      ["Learning rate", parameter(file, "training.learning_rate")],
      ["Inner ODE", parameter(file, "inner_ode")],
    ]),
  ];
  if (place !== undefined && files[place].curve) shown.push(curve(files[place], place));
  return el("div", {}, shown);
}

function curve(file, place) {
  const { steps, losses } = file.curve;
  const [width, height, left, right, top, bottom] = [400, 140, 48, 6, 8, 24];
  const ends = (values) => {
    const [least, most] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
    return least === most ? [least - 1, most + 1] : [least, most];
  };
  const [[x0, x1], [y0, y1]] = [ends(steps), ends(losses)];
  const x = (step) => left + ((step - x0) / (x1 - x0)) * (width - left - right);
  const y = (loss) => height - bottom - ((loss - y0) / (y1 - y0)) * (height - top - bottom);
  const path = steps.map((step, k) => `${k ? "L" : "M"}${x(step).toFixed(1)} ${y(losses[k]).toFixed(1)}`).join("");
  const text = (told, where) => svg("text", where, told);
  const last = losses[losses.length - 1];
  const number = (value) => Number(value.toPrecision(3)).toString();
  return el(
    "figure",
    {},
    svg(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Training loss from ${number(losses[0])} at step ${steps[0]} to ${number(last)} at step ${steps[steps.length - 1]}` },
      svg("path", { class: "axis", d: `M${left} ${top}V${height - bottom}H${width - right}` }),
      svg("path", { class: "line", d: steps.length > 1 ? path : `M${left} ${y(losses[0])}h2` }),
      text(number(y1), { x: left - 6, y: top + 9, "text-anchor": "end" }),
      text(number(y0), { x: left - 6, y: height - bottom, "text-anchor": "end" }),
      text(String(steps[0]), { x: left, y: height - 6 }),
      text(`step ${steps[steps.length - 1]}`, { x: width - right, y: height - 6, "text-anchor": "end" }),
    ),
    el("figcaption", {}, `Loss, ${number(last)} at the end. `, fileButton(place, "training.csv"), " ", state(file.state)),
  );
}

function record(file) {
  const code = data.codes[file.code];
  const environment = data.environments[file.environment];
  const modules = Object.entries(code.modules);
  const pairs = data.parameters[file.parameters];
  const inputs = file.inputs.map(([to, told]) =>
    el("li", {}, typeof to === "number" ? fileButton(to, null, { class: "file path" }) : path(to), " ", state(told)),
  );
  return more(
    `How: odelt ${file.verb}`,
    facts([
      ["Seed", file.seed],
      ["Code", code.commit ? `commit ${code.commit}${code.dirty ? ", with uncommitted changes" : ""}` : "of no known commit"],
      ["Device", environment.device || "none: nothing was computed on one"],
      ["Python", environment.python],
      ["Packages", environment.packages.map((pair) => pair.join(" ")).join(", ")],
      ...(environment.settings.length ? [["Variables", environment.settings.map((pair) => pair.join("=")).join(", ")]] : []),
      ["Started", moment(file.started)],
      ["Ended", `${moment(file.ended)}${duration(file) ? ` (${duration(file)})` : ""}`],
    ]),
    inputs.length ? el("div", {}, el("h5", {}, "Made from"), el("ul", { class: "files" }, inputs)) : null,
    pairs.length ? el("div", {}, el("h5", {}, "Parameters"), el("dl", { class: "pairs" }, pairs.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))))) : null,
    more(`Code: ${count(modules.length, "module")}`, hashes(modules)),
    file.files ? more(`Files in it: ${file.files.count}`, hashes(file.files.first), file.files.count > file.files.first.length ? el("p", { class: "note" }, "and more") : null) : null,
  );
}

function hashes(pairs) {
  return el("dl", { class: "pairs" }, pairs.map(([name, sha256]) => el("div", {}, el("dt", {}, name), el("dd", {}, el("code", {}, sha256)))));
}

// The panel

let openedFrom = null; // the button, which gets the focus back

function openChain(what) {
  if (what.from.isConnected && !panel.contains(what.from)) openedFrom = what.from;
  const hash = `#file=${files[what.place].path.split("/").map(encodeURIComponent).join("/")}`;
  // An address names a file only; the number that it was opened from is kept beside it, for Back and Forward.
  const state = what.number ? { number: numbers.indexOf(what.number) } : null;
  if (location.hash === hash) history.replaceState(state, "", hash);
  else history.pushState(state, "", hash);
  follow();
}

function show({ place, number }) {
  const narrow = NARROW.matches;
  panel.replaceChildren(
    el(
      "div",
      { class: "panel-head" },
      el("h2", { id: "panel-title", tabindex: "-1" }, number ? number.heading : stepName(files[place])),
      el("button", { type: "button", class: "close", "aria-label": "Close", onclick: closePanel }, "Close"),
    ),
    number ? numberPart(number) : el("p", {}, path(files[place].path)),
    el("div", { id: "chain" }, chainPart(place, number)),
  );
  if (!panel.open) narrow ? panel.showModal() : panel.show();
  document.body.classList.add("opened");
  panel.scrollTop = 0;
  mark(number ? number.button : null);
  document.getElementById("panel-title").focus({ preventScroll: true });
}

function numberPart(number) {
  const sound = number.files.every((place) => files[place].sound);
  const exact = number.exact && number.exact !== number.text ? el("span", { class: "exact" }, `in full ${number.exact}`) : null;
  const chips = number.files.map((place) => {
    const chip = el("button", { type: "button", class: "chip", "aria-pressed": String(place === number.files[0]) }, path(files[place].path));
    chip.addEventListener("click", () => {
      chip.parentElement.querySelectorAll("button").forEach((other) => other.setAttribute("aria-pressed", String(other === chip)));
      document.getElementById("chain").replaceChildren(...chainPart(place, number));
    });
    return chip;
  });
  return el(
    "div",
    {},
    el("p", { class: "value" }, el("strong", {}, number.text), " ", exact),
    el("p", { class: "about" }, number.about.map(([name, value]) => el("span", {}, el("span", { class: "name" }, name), ` ${value} `))),
    sound ? null : el("p", { class: "warning" }, "Not verified: something in the chain behind this number is not what was recorded. It is marked below."),
    publishedPart(number),
    chips.length > 1 ? el("div", { class: "chips" }, el("p", { class: "note" }, `Read from ${chips.length} files. Chain of:`), chips) : null,
  );
}

function publishedPart(number) {
  if (number.published === null) return null;
  const told = data.published[number.published];
  const known = data.published_in[told.source] || {};
  const earlier = known["earlier_run.machine"]; // the suite has no publication to compare with
  const where = [known.title || told.source, known.repository, known.commit && `commit ${known.commit}`, known.date, earlier];
  const differs = told.verdict.startsWith("differs");
  return el(
    "div",
    { class: "published" },
    el("h3", {}, earlier ? "Expected, from an earlier run" : "Published"),
    facts([
      ["Number", el("span", {}, el("strong", {}, told.value), told.std ? ` ± ${told.std}` : "", told.statistics ? ` (FID to the reference statistics “${told.statistics}”)` : "")],
      ["Where", where.filter(Boolean).join(", ")],
      ["Ours less it", told.difference],
      ["Verdict", el("strong", { class: differs ? "differs" : "" }, told.verdict)],
      ["Rule", rule()],
      ["Note", told.ambiguous ? "The source does not say which model it means." : ""],
      ["Others", told.others],
    ]),
  );
}

function chainPart(place, number) {
  const all = ancestors(place);
  const parts = [again(number ? number.files : [place], place, number ? "number" : "file")];
  if (all.length > UNFOLDED) {
    const inputs = files[place].inputs.filter(([to]) => typeof to === "number");
    parts.push(
      el("h3", {}, "The chain"),
      steps([place], place),
      el("h3", {}, `Made from ${count(inputs.length, "file")}`),
      el("p", { class: "note" }, "Each opens its own chain."),
      el("ul", { class: "files" }, inputs.map(([to, told]) => el("li", {}, fileButton(to, null, { class: "file path" }), " ", state(told)))),
    );
  } else {
    const [chain, beside] = split(place, all);
    parts.push(el("h3", {}, "The chain, back to its sources"), steps(chain, place));
    if (beside.length) parts.push(el("h3", {}, "What it is measured against, and with"), steps(beside, place));
  }
  const shown = number ? [] : numbers.filter((one) => one.files.includes(place));
  if (shown.length)
    parts.push(
      el("h3", {}, "Where it is shown"),
      el("ul", { class: "files" }, shown.slice(0, 100).map((one) => el("li", {}, shownAt(one, place)))),
    );
  return parts;
}

function shownAt(one, place) {
  const button = el("button", { type: "button", class: "file" }, `${one.heading} ${one.text}`);
  button.addEventListener("click", () => openChain({ number: one, place, from: one.button }));
  return el("span", {}, button, ` in ${one.table}`);
}

function again(places, place, what) {
  const named = places.map((one) => files[one]);
  const file = files[place];
  if (!named.every((one) => one.verb && isPlain(one.path)) || !isPlain(data.suite))
    return el("p", { class: "note" }, "No command makes this again: it has no record, or not a name that the workflow gives.");
  const targets = named.map((one) => `results/${data.suite}/${one.path}`);
  const made = places.length > 1 ? "these files" : "this file";
  const code = data.codes[file.code];
  const commit = code.commit
    ? `in a checkout of commit ${code.commit.slice(0, 12)}${code.dirty ? ", which had uncommitted changes" : ""}`
    : "in a checkout of the project";
  return el(
    "div",
    { class: "again" },
    el("h3", {}, `Make this ${what} again`),
    command(`snakemake --cores all --config suite=${data.suite} --force ${targets.join(" ")}`, "the command"),
    el("p", { class: "note" }, `Type it ${commit}. It makes ${made} again; with `, el("code", {}, "--forceall"), " in place of ", el("code", {}, "--force"), " everything below is made again too."),
  );
}

// Which number the panel is about; it stays in sight beside it.
function mark(button) {
  document.querySelectorAll("button[aria-current]").forEach((other) => other.removeAttribute("aria-current"));
  if (!button) return;
  button.setAttribute("aria-current", "true");
  button.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function closePanel() {
  if (!panel.open) return;
  panel.close();
}

panel.addEventListener("close", () => {
  document.body.classList.remove("opened");
  if (location.hash.startsWith("#file=")) history.pushState(null, "", "#");
  mark(null);
  if (openedFrom && openedFrom.isConnected) openedFrom.focus();
  openedFrom = null;
});

// Addresses: #table=<experiment>/<name>, #file=<path>

function follow() {
  const [, kind, name] = /^#(table|file)=(.*)$/.exec(decoded(location.hash)) || [];
  if (kind === "file") {
    const place = placeOf.get(name);
    const number = history.state && numbers[history.state.number];
    if (place !== undefined) show({ place, number: number && number.files.includes(place) ? number : null });
    else say(`There is no file ${name} in this audit`);
  } else {
    closePanel();
    const found = kind && [...document.querySelectorAll("section")].find((one) => one.dataset.table === name);
    if (found) {
      search.value = "";
      filter();
      found.scrollIntoView();
      found.querySelector("h2").focus({ preventScroll: true });
    }
  }
}

function decoded(hash) {
  try {
    return decodeURIComponent(hash);
  } catch {
    return hash;
  }
}

// Search

function filter() {
  const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let rows = 0;
  let found = 0;
  for (const section of document.querySelectorAll("main section")) {
    let some = false;
    for (const box of section.querySelectorAll(".scroll")) {
      let here = 0;
      for (const line of box.querySelectorAll("tbody tr")) {
        line.hidden = !wanted.every((word) => line.dataset.words.includes(word));
        if (!line.hidden) here += 1;
      }
      box.hidden = wanted.length > 0 && here === 0;
      const table = box.querySelector('table[role="grid"]');
      if (table && here) stopAt(table, table.querySelector("tbody tr:not([hidden]) button"));
      some = some || here > 0;
      if (section.dataset.table === "files") found += here;
      else rows += here;
    }
    section.hidden = wanted.length > 0 && !some;
  }
  document.body.classList.toggle("searching", wanted.length > 0);
  document.getElementById("found").textContent = wanted.length ? `${count(rows, "row")}, ${count(found, "file")}` : "";
}

search.addEventListener("input", filter);
document.addEventListener("keydown", (event) => {
  const typing = event.target === search;
  if (event.key === "/" && !typing && !event.ctrlKey && !event.altKey && !event.metaKey) {
    event.preventDefault();
    closePanel();
    search.focus();
    search.select();
  } else if (event.key === "Escape" && typing && search.value) {
    search.value = "";
    filter();
  } else if (event.key === "Escape" && panel.open) {
    event.preventDefault();
    closePanel();
  }
});

head();
tables();
addEventListener("popstate", follow);
if (location.hash) follow();
