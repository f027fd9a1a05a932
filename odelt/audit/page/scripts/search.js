// Search, and the keys of the whole page.

const search = document.getElementById("search");

function filter() {
  const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let rows = 0;
  let matches = 0;
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
      if (section.dataset.table === "files") matches += here;
      else rows += here;
    }
    section.hidden = wanted.length > 0 && !some;
  }
  document.body.classList.toggle("searching", wanted.length > 0);
  document.getElementById("match-count").textContent = wanted.length ? `${count(rows, "row")}, ${count(matches, "file")}` : "";
}

search.addEventListener("input", filter);
document.addEventListener("keydown", (event) => {
  const typing = event.target === search;
  if (event.key === "/" && !typing && !event.ctrlKey && !event.altKey && !event.metaKey) {
    event.preventDefault();
    panel.close();
    search.focus();
    search.select();
  } else if (event.key === "Escape" && typing && search.value) {
    search.value = "";
    filter();
  } else if (event.key === "Escape" && panel.open) {
    event.preventDefault();
    panel.close();
  }
});
