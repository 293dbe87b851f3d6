/** One tooltip for the whole page: any element with `data-tip` explains itself on hover and on keyboard focus. */
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { keyNames } from "@/lib/actions";

const WAIT_MS = 350;
const GAP_PX = 6;
/** Long enough to read a reason. */
const PRESSED_MS = 4_000;

interface Tip {
  target: HTMLElement;
  text: string;
  keys: string | undefined;
}

const tipOf = (node: EventTarget | null): Tip | null => {
  const target = node instanceof Element ? node.closest<HTMLElement>("[data-tip], [data-keys]") : null;
  return target ? { target, text: target.dataset.tip ?? "", keys: target.dataset.keys } : null;
};

/** Mount once. What a tooltip says is also the name or description of its element, so it is hidden from readers. */
export function TooltipLayer() {
  const [tip, setTip] = useState<Tip | null>(null);
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hide = () => {
      clearTimeout(timer);
      setTip(null);
    };
    const over = (event: PointerEvent) => {
      if (event.pointerType === "touch" || box.current?.contains(event.target as Node)) return;
      const found = tipOf(event.target);
      clearTimeout(timer);
      if (!found) timer = setTimeout(() => setTip(null), 80);
      else timer = setTimeout(() => setTip(found), WAIT_MS);
    };
    const focus = (event: FocusEvent) => {
      const found = tipOf(event.target);
      if (found?.target.matches(":focus-visible")) setTip(found);
    };
    // A finger has no hover, and a press that does nothing wants to know why.
    const press = (event: MouseEvent) => {
      const found = tipOf(event.target);
      if (found?.target.getAttribute("aria-disabled") !== "true" || !found.text) return;
      clearTimeout(timer);
      setTip(found);
      timer = setTimeout(() => setTip(null), PRESSED_MS);
    };
    const key = (event: KeyboardEvent) => (event.code === "Escape" ? hide() : undefined);
    document.addEventListener("pointerover", over);
    document.addEventListener("focusin", focus);
    document.addEventListener("focusout", hide);
    document.addEventListener("pointerdown", hide);
    document.addEventListener("click", press, true);
    document.addEventListener("keydown", key);
    window.addEventListener("scroll", hide, true);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("pointerover", over);
      document.removeEventListener("focusin", focus);
      document.removeEventListener("focusout", hide);
      document.removeEventListener("pointerdown", hide);
      document.removeEventListener("click", press, true);
      document.removeEventListener("keydown", key);
      window.removeEventListener("scroll", hide, true);
    };
  }, []);

  useLayoutEffect(() => {
    const floating = box.current;
    if (!floating || !tip) return;
    const at = tip.target.getBoundingClientRect();
    const { width, height } = floating.getBoundingClientRect();
    const below = at.bottom + GAP_PX + height <= window.innerHeight;
    const left = Math.max(8, Math.min(window.innerWidth - width - 8, at.left + at.width / 2 - width / 2));
    floating.style.left = `${left}px`;
    floating.style.top = `${below ? at.bottom + GAP_PX : at.top - GAP_PX - height}px`;
  }, [tip]);

  if (!tip || !tip.target.isConnected || (!tip.text && !tip.keys)) return null;
  return createPortal(
    <div ref={box} aria-hidden="true" className="fixed z-60 flex max-w-72 items-center gap-2 rounded-md bg-ink px-2.5 py-1.5 text-sm text-page shadow-float">
      {tip.text ? <span>{tip.text}</span> : null}
      {tip.keys ? (
        <span className="inline-flex gap-0.5">
          {keyNames(tip.keys).map((name) => (
            <kbd key={name} className="kbd">
              {name}
            </kbd>
          ))}
        </span>
      ) : null}
    </div>,
    document.body,
  );
}
