/** Two lanes of loudness drawn on a canvas: the customer above, our side below. */
import { useEffect, useRef } from "react";
import type { Peaks } from "@/api/types";
import { theme } from "@/lib/theme";
import { useStore } from "@/lib/store";

const BAR = 2;
const GAP = 1;

/** The loudest of the points that fall into each bar. */
export function barsOf(points: readonly number[], bars: number): number[] {
  if (points.length === 0) return Array.from({ length: bars }, () => 0);
  return Array.from({ length: bars }, (_, bar) => {
    const from = Math.floor((bar * points.length) / bars);
    const to = Math.max(from + 1, Math.floor(((bar + 1) * points.length) / bars));
    let loudest = 0;
    for (let i = from; i < Math.min(to, points.length); i += 1) loudest = Math.max(loudest, points[i] ?? 0);
    return loudest;
  });
}

function draw(canvas: HTMLCanvasElement, peaks: Peaks, played: number): void {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d");
  if (!context) return;
  const colours = getComputedStyle(canvas);
  context.scale(ratio, ratio);
  const bars = Math.max(1, Math.floor(width / (BAR + GAP)));
  const lanes: [readonly number[], string, -1 | 1][] = [
    [peaks.customer, colours.getPropertyValue("--accent"), -1],
    [peaks.agent, colours.getPropertyValue("--good"), 1],
  ];
  const middle = height / 2;
  for (const [points, colour, direction] of lanes) {
    context.fillStyle = colour;
    barsOf(points, bars).forEach((value, bar) => {
      const size = Math.max(1, Math.min(1, value) * (middle - 2));
      context.globalAlpha = bar / bars <= played ? 1 : 0.4;
      context.fillRect(bar * (BAR + GAP), direction < 0 ? middle - size : middle, BAR, size);
    });
  }
}

export function Waveform({ peaks, played }: { peaks: Peaks; played: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const colours = useStore(theme);
  useEffect(() => {
    const target = canvas.current;
    if (!target) return undefined;
    const paint = () => draw(target, peaks, played);
    paint();
    const observer = new ResizeObserver(paint);
    observer.observe(target);
    return () => observer.disconnect();
  }, [peaks, played, colours]);
  return <canvas ref={canvas} aria-hidden="true" className="h-full w-full" />;
}
