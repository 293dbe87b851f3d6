// Runs before the first paint, so that a dark screen never flashes white. A file of its own,
// because the content security policy allows no inline script.
(function () {
  var root = document.documentElement;
  try {
    var theme = localStorage.getItem("telehub.theme");
    var dark = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
    root.classList.toggle("dark", dark);
    root.lang = localStorage.getItem("telehub.language") || (navigator.language.indexOf("hi") === 0 ? "hi" : "en");
  } catch (_) {
    root.lang = "en";
  }
})();
