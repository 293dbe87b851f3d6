/** Words of the screens, one file per language, only the chosen one loaded. */
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { readLocal, writeLocal } from "@/lib/storage";
import { createStore } from "@/lib/store";

export const LANGUAGES = [
  { value: "en", label: "English" },
  { value: "hi", label: "हिन्दी" },
] as const;
export type Language = (typeof LANGUAGES)[number]["value"];

const KEY = "telehub.language";
/** The set-up pages, those about passwords, and what opens late bring words that a first load does without. */
export type WordPart = "desk" | "account" | "admin" | "own";
const load: Record<WordPart, Record<Language, () => Promise<{ default: Record<string, unknown> }>>> = {
  desk: { en: () => import("./en.json"), hi: () => import("./hi.json") },
  account: { en: () => import("./account.en.json"), hi: () => import("./account.hi.json") },
  admin: { en: () => import("./admin.en.json"), hi: () => import("./admin.hi.json") },
  own: { en: () => import("./own.en.json"), hi: () => import("./own.hi.json") },
};
const needed = new Set<WordPart>(["desk"]);
const loaded = new Set<string>();

function wanted(): Language {
  const kept = readLocal(KEY);
  if (kept === "en" || kept === "hi") return kept;
  return navigator.language.startsWith("hi") ? "hi" : "en";
}

export const language = createStore<Language>(wanted());

async function fetchWords(code: Language): Promise<void> {
  const missing = [...needed].filter((part) => !loaded.has(`${part}.${code}`));
  await Promise.all(
    missing.map(async (part) => {
      const words = await load[part][code]();
      i18next.addResourceBundle(code, "translation", words.default, true);
      loaded.add(`${part}.${code}`);
    }),
  );
}

/** Makes sure that the words of these parts are there before their pages are drawn. */
export async function needWords(...parts: WordPart[]): Promise<void> {
  for (const part of parts) needed.add(part);
  await fetchWords(language.get());
}

/** Loads the words of the chosen language; call once before the first render. */
export async function startWords(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: language.get(),
    fallbackLng: false,
    resources: {},
    interpolation: { escapeValue: false },
    react: { useSuspense: false },
  });
  await fetchWords(language.get());
  await i18next.changeLanguage(language.get());
  document.documentElement.lang = language.get();
}

/** Switches at once; the choice is kept on this computer. */
export async function setLanguage(code: Language): Promise<void> {
  await fetchWords(code);
  writeLocal(KEY, code);
  language.set(code);
  document.documentElement.lang = code;
  await i18next.changeLanguage(code);
}
