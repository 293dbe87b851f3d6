/** One key saves whatever form is open. */
import { useTranslation } from "react-i18next";
import { useActions } from "@/lib/useActions";

export const SAVE_KEYS = ["Ctrl+Enter"];

/** For a form above the page: its keys rest, this one works. */
export function useSaveKey(save: () => void): void {
  const { t } = useTranslation();
  useActions([{ id: "form.save", label: t("ui.save"), group: t("shell.general"), keys: SAVE_KEYS, layer: 1, global: true, unlisted: true, run: save }]);
}

/** Sends a form as its own button would. */
export const submitForm = (id: string) => (): void => {
  const form = document.getElementById(id);
  if (form instanceof HTMLFormElement) form.requestSubmit();
};
