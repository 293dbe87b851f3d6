/** Long lists of rows of one height: only those near the window are drawn. */
import { type RefObject, useLayoutEffect, useState } from "react";

export interface Range {
  first: number;
  /** One past the last. */
  end: number;
}

/** Rows drawn beyond each edge, so that a turn of the wheel meets no gap. */
const SPARE = 10;

/** Which rows of `count` are drawn when `top` pixels are scrolled away and `height` can be seen. */
export function rowsInView(top: number, height: number, rowPx: number, count: number): Range {
  const first = Math.max(0, Math.floor(top / rowPx) - SPARE);
  const end = Math.min(count, Math.ceil((top + height) / rowPx) + SPARE);
  return { first: Math.min(first, end), end };
}

/** How far to scroll so that a row is wholly seen, moving as little as can be. */
export function scrollFor(index: number, top: number, height: number, rowPx: number): number {
  const above = index * rowPx;
  if (above < top) return above;
  return Math.max(top, above + rowPx - height);
}

/** The rows of a scrolling box to draw now, and a way to bring one into view. */
export function useRows(box: RefObject<HTMLElement | null>, count: number, rowPx: number): Range & { show: (index: number) => void } {
  const [range, setRange] = useState<Range>({ first: 0, end: Math.min(count, 2 * SPARE) });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () =>
      setRange((before) => {
        const now = rowsInView(element.scrollTop, element.clientHeight, rowPx, count);
        return now.first === before.first && now.end === before.end ? before : now;
      });
    measure();
    const sized = new ResizeObserver(measure);
    sized.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    return () => {
      sized.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, [box, count, rowPx]);
  const show = (index: number) => {
    if (box.current) box.current.scrollTop = scrollFor(index, box.current.scrollTop, box.current.clientHeight, rowPx);
  };
  return { ...range, end: Math.min(range.end, count), show };
}
