// The published tables: a button for each linked number, and arrow keys that move between them.

const NAMES = { main: "Main table", grid: "Every grid point", "trade-off": "Steps against blocks", claims: "Claims", verdicts: "Verdicts" };
const numbers = []; // every linked number, with its button

function title(table) {
  const [experiment, name] = table.id.includes("/") ? table.id.split("/") : ["", table.id];
  const text = NAMES[name] || name;
  return experiment ? `${experiment}: ${text[0].toLowerCase()}${text.slice(1)}` : text;
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
  const states = table.files.map((index) => files[index].state);
  const worst = states.find((name) => name !== "verified") || "verified";
  const shown = el(
    "section",
    { "data-table": table.id },
    el(
      "div",
      { class: "heading" },
      el("h2", { tabindex: "-1" }, title(table)),
      state(worst),
      ...table.files.map((index) => fileButton(index, files[index].path.split("/").pop())),
    ),
  );
  if (worst !== "verified")
    shown.append(el("p", { class: "warning" }, "Not verified: this table's file is not what was recorded, so what it says may not be what was made."));
  if (table.unlinked)
    shown.append(el("p", { class: "warning" }, `Its numbers lead nowhere: ${table.unlinked}.`));
  const [first, ...rest] = table.blocks;
  const blocks = first && first.kind === "heading" ? rest : table.blocks; // the section already has the title
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
    const line = el("tr", {}, row.map((content, k) => cell(content, k, row, block, texts[k], label)));
    line.dataset.words = words(row);
    return line;
  });
  return scrolling(block.columns.map((heading, k) => [unbroken(heading), texts[k]]), lines, label);
}

// A cell of a table. Its content is a text, or [text, files, exact number, comparison] of a linked number.
function cell(content, column, row, block, isText, label) {
  const shown = typeof content === "string" ? content : content[0];
  const differs = /^differs/.test(shown);
  const name = column === 0 ? "th" : "td";
  const element = el(name, { scope: column === 0 ? "row" : null, class: [isText ? "text" : "", differs ? "differs" : ""].join(" ").trim() || null });
  if (typeof content === "string") {
    element.append(differs ? el("strong", {}, shown) : shown);
    return element;
  }
  const [, origins, exact, published] = content;
  const sound = origins.every((index) => files[index].sound);
  const about = row.map((other, k) => [block.columns[k], other]).filter(([, other]) => typeof other === "string" && other !== "");
  const number = { text: shown, heading: block.columns[column], exact, published, files: origins, about, table: label };
  const onclick = () => openChain({ number, index: origins[0], from: number.button });
  number.button = el("button", { type: "button", class: "number", "aria-haspopup": "dialog", onclick }, shown);
  element.append(number.button);
  if (!sound) element.append(el("span", { class: "unsound" }, " not verified"));
  numbers.push(number);
  return element;
}

// What a search looks for in a row.
function words(row) {
  const texts = row.flatMap((content) => (typeof content === "string" ? [content] : [content[0], ...content[1].flatMap((index) => [files[index].path, files[index].sha256 || ""])]));
  return texts.join(" ").toLowerCase();
}

function isNumber(text) {
  return text === "" || /^[+−-]?[\d.]/.test(text);
}

// A table of these columns, [heading, whether it holds texts], in a box that scrolls.
function scrolling(columns, lines, label) {
  const header = columns.map(([heading, isText]) => el("th", { scope: "col", class: isText ? "text" : "" }, heading));
  const table = el("table", { "aria-label": label }, el("thead", {}, el("tr", {}, header)), el("tbody", {}, lines));
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

// Makes a button the table's only stop for Tab. The arrow keys go on from there.
function stopAt(table, button) {
  table.querySelectorAll("button").forEach((other) => (other.tabIndex = other === button ? 0 : -1));
}

// Moves the focus with the arrow keys.
function walk(event) {
  const from = event.target.closest("td, th");
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -Infinity], End: [0, Infinity] }[event.key];
  if (!step || !from || event.ctrlKey || event.altKey || event.metaKey) return;
  const lines = [...event.currentTarget.querySelectorAll("tbody tr:not([hidden])")];
  const line = lines.indexOf(from.parentElement);
  const button = (row, column) => row && row.cells[column] && row.cells[column].querySelector("button");
  let target = null;
  if (step[0]) {
    for (let k = line + step[0]; k >= 0 && k < lines.length && !target; k += step[0]) target = button(lines[k], from.cellIndex);
  } else {
    const cells = [...from.parentElement.cells].filter((other) => other.querySelector("button"));
    const k = Math.min(Math.max(cells.indexOf(from) + step[1], 0), cells.length - 1);
    target = cells[k].querySelector("button");
  }
  event.preventDefault();
  if (target) target.focus();
}
