// @ts-check
/* Before the first paint, hence no module: the reader's choice, if there is one, wins over the system's. */
(() => {
  const key = "stargazer-theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  const remembered = () => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  /** @param {"light" | "dark"} theme */
  const remember = (theme) => {
    try {
      localStorage.setItem(key, theme);
    } catch {
      // private windows may forbid it; the choice then lasts as long as the page
    }
  };
  /** What the button switches to. */
  const other = () => ((root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark" ? "light" : "dark");

  const chosen = remembered();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;

  document.addEventListener("DOMContentLoaded", () => {
    const button = /** @type {HTMLElement} */ (document.getElementById("theme"));
    const [words, theme] = [document.createElement("span"), document.createElement("b")];
    words.textContent = "Switch to ";
    button.replaceChildren(words, theme);
    const show = () => {
      theme.textContent = other();
      button.setAttribute("aria-label", `Switch to ${other()}`);
    };
    button.addEventListener("click", () => {
      const next = other();
      root.dataset.theme = next;
      remember(next);
      show();
    });
    system.addEventListener("change", show);
    show();
  });
})();
