/** Plays the recording of a call where it stands. Opening one is written to the audit trail by the server. */
import { useQuery } from "@tanstack/react-query";
import { Download, Pause, Play } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { Recording } from "@/api/types";
import { cx } from "@/lib/cx";
import { formatDuration } from "@/lib/format";
import { isPlayable } from "@/parts/recording";
import { Waveform } from "@/parts/Waveform";
import { Button, buttonClass } from "@/ui/Button";
import { Skeleton } from "@/ui/bits";

const SPEEDS = [1, 1.25, 1.5, 2] as const;

export function RecordingPlayer({ callId, recording, autoPlay, label }: { callId: string; recording: Recording; autoPlay?: boolean; label: string }) {
  const { t } = useTranslation();
  const audio = useRef<HTMLAudioElement>(null);
  const [playing, setPlaying] = useState(false);
  const [at, setAt] = useState(0);
  const [speed, setSpeed] = useState<number>(1);
  const [length, setLength] = useState(recording.duration_seconds ?? 0);
  const ready = isPlayable(recording);

  const link = useQuery({
    queryKey: ["calls", callId, "recording-link"],
    queryFn: () => unwrap(api.POST("/calls/{id}/recording/link", { params: { path: { id: callId } } })),
    enabled: ready,
    staleTime: 4 * 60_000,
    gcTime: 0,
  });
  const peaks = useQuery({
    queryKey: ["calls", callId, "peaks"],
    queryFn: () => unwrap(api.GET("/calls/{id}/recording/peaks", { params: { path: { id: callId }, query: { points: 800 } } })),
    enabled: ready,
    staleTime: Infinity,
  });
  useEffect(() => {
    if (audio.current) audio.current.playbackRate = speed;
  }, [speed, link.data]);

  if (!ready) return <p className="text-sm text-ink-2">{t(`recording.${recording.state}`)}</p>;
  if (link.error) return <p className="text-sm text-alarm">{t("recording.cannotPlay", { why: asProblem(link.error).message })}</p>;

  const total = length || peaks.data?.duration_seconds || recording.duration_seconds || 0;
  const toggle = () => {
    if (!audio.current) return;
    if (audio.current.paused) void audio.current.play().catch(() => setPlaying(false));
    else audio.current.pause();
  };
  const seek = (seconds: number) => {
    setAt(seconds);
    if (audio.current) audio.current.currentTime = seconds;
  };

  return (
    <div role="group" aria-label={label} className="flex flex-wrap items-center gap-x-2.5 gap-y-1 sm:flex-nowrap">
      {link.data ? (
        <audio
          ref={audio}
          src={link.data.url}
          autoPlay={autoPlay ?? false}
          preload="metadata"
          onPlay={() => setPlaying(true)}
          onPause={() => setPlaying(false)}
          onEnded={() => setPlaying(false)}
          onTimeUpdate={(event) => setAt(event.currentTarget.currentTime)}
          onLoadedMetadata={(event) => (Number.isFinite(event.currentTarget.duration) ? setLength(event.currentTarget.duration) : undefined)}
        />
      ) : null}
      <Button look="primary" size="icon" hint={playing ? t("recording.pause") : t("recording.play")} busy={!link.data} onClick={toggle}>
        {playing ? <Pause className="size-4" aria-hidden="true" /> : <Play className="size-4" aria-hidden="true" />}
      </Button>
      <div className="relative h-10 min-w-32 flex-1">
        {peaks.data ? <Waveform peaks={peaks.data} played={total > 0 ? at / total : 0} /> : peaks.isPending ? <Skeleton className="mt-3 h-4" /> : null}
        <input
          type="range"
          min={0}
          max={Math.max(total, 0.1)}
          step={0.1}
          value={Math.min(at, total)}
          aria-label={t("recording.position")}
          aria-valuetext={t("recording.positionOf", { at: formatDuration(at), total: formatDuration(total) })}
          onChange={(event) => seek(Number(event.target.value))}
          onKeyDown={(event) => {
            if (event.code === "ArrowRight" || event.code === "ArrowLeft") {
              event.preventDefault();
              seek(Math.max(0, Math.min(total, at + (event.code === "ArrowRight" ? 5 : -5))));
            }
          }}
          className={cx("absolute inset-0 h-full w-full cursor-pointer accent-accent", peaks.data && "opacity-0 focus-visible:opacity-60")}
        />
      </div>
      <span className="text-sm whitespace-nowrap text-ink-2">
        {formatDuration(at)} / {formatDuration(total)}
      </span>
      <Button look="quiet" size="sm" hint={t("recording.speed")} aria-label={`${t("recording.speed")}: ${speed}×`} onClick={() => setSpeed(SPEEDS[(SPEEDS.findIndex((one) => one === speed) + 1) % SPEEDS.length] ?? 1)}>
        {speed}×
      </Button>
      {link.data ? (
        <a href={link.data.url} download={`${callId}.wav`} className={buttonClass("quiet", "icon-sm")} aria-label={t("recording.download")} title={t("recording.download")}>
          <Download className="size-4" aria-hidden="true" />
        </a>
      ) : null}
    </div>
  );
}
