// The list of all files.

function fileButton(index, text, properties) {
  const button = el("button", { type: "button", class: "file", ...properties }, text || path(files[index].path));
  button.addEventListener("click", () => openChain({ index, from: button }));
  return button;
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
