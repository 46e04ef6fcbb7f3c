/** Dark or light, before anything is drawn. A plain script: it must not wait for modules. */
(() => {
  const chosen = localStorage.getItem("netd.theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
})();
