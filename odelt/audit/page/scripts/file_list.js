// The list of all files.

function fileButton(index, text) {
  const onclick = ({ currentTarget }) => openChain({ index, from: currentTarget });
  return el("button", { type: "button", class: text ? "file" : "file path", onclick }, text || path(files[index].path));
}

// The files that a file was made from; those outside of the folder have no chain of their own.
function inputList(inputs) {
  return el(
    "ul",
    { class: "files" },
    inputs.map(([to, verification]) => el("li", {}, typeof to === "number" ? fileButton(to) : path(to), " ", state(verification))),
  );
}

function listing() {
  const order = files.map((_, index) => index).sort((a, b) => isWhole(files[a]) - isWhole(files[b]) || a - b);
  const columns = ["file", "state", "made by", "sha256", "size"];
  const lines = order.map((index) => {
    const file = files[index];
    const line = el(
      "tr",
      {},
      el("th", { scope: "row", class: "text" }, fileButton(index)),
      el("td", { class: "text" }, state(file.state)),
      el("td", { class: "text" }, file.verb || "no record"),
      el("td", { class: "text" }, file.sha256 ? el("code", {}, file.sha256.slice(0, 12)) : ""),
      el("td", {}, file.sha256 ? size(file.bytes) : ""),
    );
    line.dataset.words = [file.path, file.state, file.verb, file.sha256].join(" ").toLowerCase();
    return line;
  });
  return el(
    "section",
    { "data-table": "files" },
    el("div", { class: "heading" }, el("h2", { tabindex: "-1" }, "Files")),
    el("p", { class: "note" }, "Every file that was audited, what is not verified first."),
    scrolling(columns.map((name, k) => [name, k < 4]), lines, "All files"),
  );
}

function isWhole(file) {
  return file.state === "verified" || file.state.startsWith("removed");
}
