// Light, dark, or as the system has it; kept where the browser allows a page from a file to keep something.

const THEMES = ["auto", "light", "dark"];
const STORE = "rtprobe-theme";

function storedTheme() {
  try {
    return localStorage.getItem(STORE);
  } catch {
    return null;
  }
}

function setTheme(theme) {
  const root = document.documentElement;
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
}

let theme = THEMES.includes(storedTheme()) ? storedTheme() : "auto";
document.documentElement.classList.add("js");
setTheme(theme);
byId("theme").addEventListener("click", () => {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  setTheme(theme);
  try {
    localStorage.setItem(STORE, theme);
  } catch {
    // The choice lasts as long as the page, then.
  }
});
