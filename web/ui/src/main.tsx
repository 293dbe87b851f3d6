import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "@/app/App";
import { startWords } from "@/i18n";
import { watchSystemTheme } from "@/lib/theme";
import "@/styles.css";

const root = document.getElementById("root");
if (!root) throw new Error("the page has no #root");
watchSystemTheme();
await startWords();
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
