/** Sets the chosen theme before anything is drawn. A plain script, because modules run too late. */
(() => {
  const chosen = localStorage.getItem("netd.theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
})();
