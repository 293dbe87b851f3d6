/** J and K move through the rows of a table, Enter then opens what has the keyboard. */
import { type RefObject, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useActions } from "@/lib/useActions";

/** What Enter would open in a row: its link, else its button. */
const openerOf = (row: Element): HTMLElement | null => row.querySelector<HTMLElement>("th a, th button") ?? row.querySelector<HTMLElement>("button[aria-expanded]");

export function useRowKeys(group: string): RefObject<HTMLDivElement | null> {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const move = (step: 1 | -1) => {
    const rows = [...(box.current?.querySelectorAll("tr[data-row]") ?? [])];
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.max(0, Math.min(rows.length - 1, at + step))];
    const opener = next ? openerOf(next) : null;
    opener?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  useActions([
    { id: "list.next", label: t("keysList.next"), group, keys: ["KeyJ"], repeats: true, unlisted: true, run: () => move(1) },
    { id: "list.previous", label: t("keysList.previous"), group, keys: ["KeyK"], repeats: true, unlisted: true, run: () => move(-1) },
  ]);
  return box;
}
