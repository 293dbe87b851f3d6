import { Headset } from "lucide-react";
import { useTranslation } from "react-i18next";
import { leadsTeam, useMe } from "@/api/me";
import type { Agent, AgentState } from "@/api/types";
import { useNow } from "@/lib/clock";
import { formatDuration, formatNumber, formatPhone, formatTime } from "@/lib/format";
import { type LiveCall, phaseOf } from "@/live/board";
import { useBoard } from "@/live/hooks";
import { WideningNotice } from "@/parts/Widening";
import { Badge, Card, EmptyState, PageHeader, SkeletonRows, type Tone } from "@/ui/bits";
import { type Column, Table } from "@/ui/Table";

const TONE: Record<AgentState, Tone> = { offline: "plain", ready: "good", reserved: "accent", ringing: "accent", on_call: "good", wrap_up: "wait", paused: "wait", unreachable: "alarm" };
/** Worst first: what needs a team lead stands on top. */
const ORDER: readonly AgentState[] = ["unreachable", "wrap_up", "paused", "on_call", "ringing", "reserved", "ready", "offline"];

/** The floor as it is this second. */
export function FloorPage() {
  const { t } = useTranslation();
  const me = useMe();
  const link = useBoard((now) => now.link);
  const asOf = useBoard((now) => now.asOf);
  const agents = useBoard((now) => now.agents);
  const calls = useBoard((now) => now.calls);
  // Whoever has no phone takes no calls: they are no agents, unless something of theirs is still open.
  const people = Object.values(agents).filter((agent) => agent.extension || agent.call_id || agent.pending_outcomes.length > 0).sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.since.localeCompare(b.since));
  const live = Object.values(calls).sort((a, b) => a.call.started_at.localeCompare(b.call.started_at));
  const count = (...states: AgentState[]) => people.filter((agent) => states.includes(agent.state)).length;

  return (
    <>
      <PageHeader title={t("nav.floor")} note={link === "live" ? <LiveMark /> : asOf ? t("ui.asOf", { time: formatTime(asOf, true) }) : null} />
      {link === "connecting" ? (
        <SkeletonRows label={t("ui.loading")} />
      ) : (
        <div className="flex flex-col gap-4 px-4 pb-6 md:px-6">
          {leadsTeam(me?.role) ? <WideningNotice /> : null}
          <dl className="grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-6">
            <Tile name={t("floor.liveCalls")} value={live.length} />
            <Tile name={t("agentState.ready")} value={count("ready")} />
            <Tile name={t("agentState.on_call")} value={count("on_call", "ringing", "reserved")} />
            <Tile name={t("agentState.wrap_up")} value={count("wrap_up")} />
            <Tile name={t("agentState.paused")} value={count("paused")} />
            <Tile name={t("agentState.unreachable")} value={count("unreachable")} alarm />
          </dl>
          <Card title={t("floor.liveCalls")} flush>
            {live.length === 0 ? <EmptyState compact title={t("floor.noCalls")} /> : <LiveCalls calls={live} />}
          </Card>
          <Card title={t("floor.agents")} flush>
            {people.length === 0 ? <EmptyState icon={Headset} title={t("floor.noAgents")}>{t("floor.noAgentsHelp")}</EmptyState> : <Agents agents={people} calls={calls} />}
          </Card>
        </div>
      )}
    </>
  );
}

/** What stands here changes by itself. */
function LiveMark() {
  const { t } = useTranslation();
  return (
    <span className="inline-flex items-center gap-1.5">
      <span className="size-2 rounded-full bg-good" aria-hidden="true" />
      {t("floor.live")}
    </span>
  );
}

function Tile({ name, value, alarm }: { name: string; value: number; alarm?: boolean }) {
  return (
    <div className="rounded-lg border border-line bg-surface px-4 py-2.5">
      <dt className="truncate text-sm text-ink-2">{name}</dt>
      <dd className={alarm && value > 0 ? "text-2xl font-semibold text-alarm" : "text-2xl font-semibold"}>{formatNumber(value)}</dd>
    </div>
  );
}

function Since({ at }: { at: string }) {
  const now = useNow();
  return <span className="tabular-nums">{formatDuration((now - Date.parse(at)) / 1000)}</span>;
}

function Agents({ agents, calls }: { agents: readonly Agent[]; calls: Readonly<Record<string, LiveCall>> }) {
  const { t, i18n } = useTranslation();
  const columns: Column<Agent>[] = [
    { key: "name", title: t("floor.agent"), cell: (agent) => <span className="font-semibold">{agent.name}</span> },
    { key: "extension", title: t("floor.extension"), from: "sm", cell: (agent) => agent.extension ?? "–" },
    {
      key: "state",
      title: t("floor.state"),
      cell: (agent) => (
        <Badge tone={TONE[agent.state]}>
          {t(`agentState.${agent.state}`)}
          {agent.reason ? ` · ${i18n.exists(`pause.${agent.reason}`) ? t(`pause.${agent.reason}`) : agent.reason}` : ""}
        </Badge>
      ),
    },
    { key: "since", title: t("floor.since"), cell: (agent) => <Since at={agent.since} /> },
    {
      key: "call",
      title: t("floor.withWhom"),
      from: "md",
      cell: (agent) => {
        const live = agent.call_id ? calls[agent.call_id] : undefined;
        return live ? (live.call.lead_name ?? formatPhone(live.call.direction === "inbound" ? live.call.from : live.call.to)) : "–";
      },
    },
    { key: "pending", title: t("floor.pending"), from: "lg", cell: (agent) => (agent.pending_outcomes.length > 0 ? agent.pending_outcomes.length : "–") },
  ];
  return <Table label={t("floor.agents")} columns={columns} rows={agents} id={(agent) => agent.user_id} muted={(agent) => agent.state === "offline"} />;
}

function LiveCalls({ calls }: { calls: readonly LiveCall[] }) {
  const { t } = useTranslation();
  const columns: Column<LiveCall>[] = [
    { key: "who", title: t("calls.who"), cell: ({ call }) => <span className="font-semibold">{call.lead_name ?? formatPhone(call.direction === "inbound" ? call.from : call.to)}</span> },
    { key: "direction", title: t("calls.direction"), from: "md", cell: ({ call }) => t(`direction.${call.direction}`) },
    { key: "phase", title: t("floor.state"), cell: (live) => <Badge tone={phaseOf(live) === "talking" ? "good" : phaseOf(live) === "held" ? "wait" : "accent"}>{t(`phase.${phaseOf(live)}`)}</Badge> },
    { key: "since", title: t("floor.since"), cell: ({ call }) => <Since at={call.answered_at ?? call.started_at} /> },
    { key: "agent", title: t("floor.agent"), from: "sm", cell: ({ call }) => call.agent_name ?? "–" },
  ];
  return <Table label={t("floor.liveCalls")} columns={columns} rows={calls} id={({ call }) => call.id} />;
}
