// Fills the page. Every other script only defines functions and listens to events.

addEventListener("DOMContentLoaded", () => {
  summary();
  tables();
  if (location.hash) follow();
});
addEventListener("popstate", follow);
