/** One's own state: what it is, since when, why, and the way to another one. The server decides. */
import { useMutation } from "@tanstack/react-query";
import { Circle, CircleOff, Coffee, Hourglass, type LucideIcon, PhoneCall, PhoneIncoming, TriangleAlert } from "lucide-react";
import { lazy } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import type { AgentState, AgentStateChange, Me } from "@/api/types";
import { REASONS } from "@/features/agent/reasons";
import type { Action } from "@/lib/actions";
import { useNow } from "@/lib/clock";
import { cx } from "@/lib/cx";
import { formatDuration } from "@/lib/format";
import { useActions } from "@/lib/useActions";
import { useMyAgent } from "@/live/hooks";
import { LazyMenu } from "@/ui/LazyMenu";
import type { Tone } from "@/ui/bits";

const AGENT_LOOK: Record<AgentState, { icon: LucideIcon; tone: Tone }> = {
  offline: { icon: CircleOff, tone: "plain" },
  ready: { icon: Circle, tone: "good" },
  reserved: { icon: Hourglass, tone: "accent" },
  ringing: { icon: PhoneIncoming, tone: "accent" },
  on_call: { icon: PhoneCall, tone: "good" },
  wrap_up: { icon: Hourglass, tone: "wait" },
  paused: { icon: Coffee, tone: "wait" },
  unreachable: { icon: TriangleAlert, tone: "alarm" },
};
const TONE: Record<Tone, string> = {
  plain: "bg-sunken text-ink-2",
  accent: "bg-accent-soft text-accent",
  good: "bg-good-soft text-good",
  wait: "bg-wait-soft text-wait",
  alarm: "bg-alarm-soft text-alarm",
};

const load = () => import("@/features/agent/AgentMenu");
const AgentMenu = lazy(load);

export function AgentControl({ me }: { me: Me }) {
  const { t, i18n } = useTranslation();
  const agent = useMyAgent();
  const change = useMutation({ mutationFn: (body: AgentStateChange) => unwrap(api.POST("/agents/me/state", { body })) });
  const now = useNow();
  const state = agent?.state ?? "offline";
  const { icon: Icon, tone } = AGENT_LOOK[state];
  const since = agent ? formatDuration((now - Date.parse(agent.since)) / 1000) : "";
  const reason = agent?.reason ? (i18n.exists(`pause.${agent.reason}`) ? t(`pause.${agent.reason}`) : agent.reason) : null;
  const ready = (): void => change.mutate({ state: "ready" });
  const pause = (why: string): void => change.mutate({ state: "paused", reason: why });
  const offline = (): void => change.mutate({ state: "offline" });

  const group = t("agent.group");
  const actions: Action[] = [
    { id: "agent.ready", label: t("agent.goReady"), group, layer: 1, keys: ["Ctrl+Shift+Digit1"], run: ready },
    ...REASONS.map((why) => ({ id: `agent.pause.${why}`, label: `${t("agent.pause")}: ${t(`pause.${why}`)}`, group, layer: 1 as const, run: () => pause(why) })),
    { id: "agent.offline", label: t("agent.goOffline"), group, layer: 1, run: offline },
  ];
  useActions(actions);

  return (
    <LazyMenu
      menu={AgentMenu}
      preload={load}
      props={{ me, agent, onWish: (wish: AgentStateChange) => change.mutate(wish) }}
      trigger={
        <button type="button" className={cx("inline-flex min-h-9 items-center gap-2 rounded-full px-3 font-medium", TONE[tone])}>
          <span className="sr-only">{t("agent.yourState")}: </span>
          <Icon className={cx("size-4", state === "ready" && "fill-current")} aria-hidden="true" />
          <span className="max-w-28 truncate">{reason ?? t(`agentState.${state}`)}</span>
          <span className="hidden tabular-nums md:inline">{since}</span>
        </button>
      }
    />
  );
}
