/** Notes that survive a killed tab: every stroke is kept on this computer, every pause is sent to the server. */
import { useCallback, useEffect, useRef, useState } from "react";
import { readLocal, writeLocal } from "@/lib/storage";

export const NOTES_MAX = 500;
const PAUSE_MS = 1_200;
const LONGEST_MS = 10_000;
/** A save that failed is tried again after this long, then after twice that, and so on. */
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 15_000;

export type SaveState = "idle" | "local" | "saving" | "saved" | "failed";

const keyOf = (id: string): string => `telehub.notes.${id}`;
export const forgetNotes = (id: string): boolean => writeLocal(keyOf(id), null);

/** Text with its way to the server. `known` is what the server has; a draft found here wins over it. */
export function useSavedNotes(id: string, known: string | null | undefined, save: (text: string) => Promise<unknown>) {
  const [text, setText] = useState(() => readLocal(keyOf(id)) ?? known ?? "");
  const [state, setState] = useState<SaveState>("idle");
  const stored = useRef(known ?? "");
  const newest = useRef(text);
  const firstUnsaved = useRef<number | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const failures = useRef(0);
  const gone = useRef(false);
  const saver = useRef(save);
  useEffect(() => {
    saver.current = save;
  });

  const flush = useCallback(async (): Promise<void> => {
    clearTimeout(timer.current);
    const wanted = newest.current;
    if (wanted === stored.current) return;
    firstUnsaved.current = null;
    setState("saving");
    try {
      await saver.current(wanted);
      stored.current = wanted;
      failures.current = 0;
      if (newest.current !== wanted) return;
      setState("saved");
      forgetNotes(id);
    } catch {
      setState("failed");
      if (gone.current) return;
      const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures.current);
      failures.current += 1;
      clearTimeout(timer.current);
      timer.current = setTimeout(() => void flush(), wait);
    }
  }, [id]);

  const change = useCallback(
    (next: string) => {
      const cut = [...next].slice(0, NOTES_MAX).join("");
      newest.current = cut;
      setText(cut);
      setState(writeLocal(keyOf(id), cut) ? "local" : "idle");
      firstUnsaved.current ??= Date.now();
      const waited = Date.now() - firstUnsaved.current;
      clearTimeout(timer.current);
      timer.current = setTimeout(() => void flush(), Math.max(0, Math.min(PAUSE_MS, LONGEST_MS - waited)));
    },
    [flush, id],
  );

  useEffect(() => {
    gone.current = false;
    const back = () => void flush();
    window.addEventListener("online", back);
    // A draft left by a killed tab is sent at once.
    if (newest.current !== stored.current) void flush();
    return () => {
      gone.current = true;
      window.removeEventListener("online", back);
      clearTimeout(timer.current);
      if (newest.current !== stored.current) void saver.current(newest.current).catch(() => undefined);
    };
  }, [flush]);

  return { text, change, state, flush };
}
