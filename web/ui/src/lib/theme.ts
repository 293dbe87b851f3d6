/** System, light or dark. The class is set before the first paint by /theme.js. */
import { readLocal, writeLocal } from "@/lib/storage";
import { createStore } from "@/lib/store";

export type Theme = "system" | "light" | "dark";
const KEY = "telehub.theme";
const kept = readLocal(KEY);

export const theme = createStore<Theme>(kept === "light" || kept === "dark" ? kept : "system");

function show(choice: Theme): void {
  const dark = choice === "dark" || (choice === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("dark", dark);
}

export function setTheme(choice: Theme): void {
  writeLocal(KEY, choice === "system" ? null : choice);
  theme.set(choice);
  show(choice);
}

/** Follows the computer while "system" is chosen. */
export function watchSystemTheme(): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show(theme.get()));
}
