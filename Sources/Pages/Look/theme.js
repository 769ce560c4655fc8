// Before the first paint, so that a chosen theme does not flash.
(() => {
  "use strict";
  let theme = null;
  try { theme = localStorage.getItem("docket-theme"); } catch { /* storage may be closed to pages */ }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
