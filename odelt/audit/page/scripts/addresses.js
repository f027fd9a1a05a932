// Addresses within the page: #table=<experiment>/<name> and #file=<path>.

// Shows the file or the table that the address names.
function follow() {
  const address = new URLSearchParams(location.hash.slice(1));
  if (address.has("file")) {
    const index = fileIndex.get(address.get("file"));
    const number = history.state && numbers[history.state.number];
    if (index !== undefined) show({ index, number: number && number.files.includes(index) ? number : null });
    else say(`There is no file ${address.get("file")} in this audit`);
  } else {
    panel.close();
    const section = [...document.querySelectorAll("section")].find((other) => other.dataset.table === address.get("table"));
    if (section) {
      search.value = "";
      filter();
      section.scrollIntoView();
      section.querySelector("h2").focus({ preventScroll: true });
    }
  }
}
