// The audit that the page shows. Files are named by their index in `files`.

const data = JSON.parse(document.getElementById("data").textContent);
const files = data.files;
const fileIndex = new Map(files.map((file, index) => [file.path, index]));
