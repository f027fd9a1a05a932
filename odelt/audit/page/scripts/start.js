// Fills the page. Every other script only defines functions and listens to events.

summary();
tables();
addEventListener("popstate", follow);
if (location.hash) follow();
