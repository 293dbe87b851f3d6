import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { ChevronDown, ChevronUp, Pencil, PhoneIncoming, PhoneMissed, PhoneOutgoing, Users } from "lucide-react";
import { type ComponentProps, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { leadsTeam, makesCalls, useMe } from "@/api/me";
import type { Call, CallDirection, CallStatus } from "@/api/types";
import type { ChangeOutcome } from "@/features/calls/ChangeOutcome";
import { needWords } from "@/i18n";
import { addDays } from "@/lib/day";
import { given } from "@/lib/given";
import { formatDateTime, formatDuration, formatPhone, formatTime, formatWhen, fromZonedInput, toZonedInput } from "@/lib/format";
import { later } from "@/lib/later";
import { useDispositionName, useDispositions, nameOf } from "@/parts/dispositions";
import { ListState, MoreButton } from "@/parts/ListState";
import { isOnItsWay } from "@/parts/recording";
import { useRowKeys } from "@/parts/rowKeys";
import { ViewsBar } from "@/parts/views/late";
import { CallButton } from "@/parts/CallButton";
import { RecordingPlayer } from "@/parts/RecordingPlayer";
import { Button } from "@/ui/Button";
import { Badge, Fact, PageHeader, type Tone } from "@/ui/bits";
import { DayField } from "@/ui/DayField";
import { SelectField } from "@/ui/Field";
import { type Column, Table } from "@/ui/Table";

const outcomeForm = later<ComponentProps<typeof ChangeOutcome>>(async () => {
  const [loaded] = await Promise.all([import("@/features/calls/ChangeOutcome"), needWords("own")]);
  return loaded.ChangeOutcome;
});

const DIRECTIONS: readonly CallDirection[] = ["inbound", "outbound", "internal"];
const STATUSES: readonly CallStatus[] = ["completed", "missed", "failed", "in_progress"];
const TONE: Record<CallStatus, Tone> = { initiated: "accent", ringing: "accent", in_progress: "good", completed: "plain", missed: "alarm", failed: "plain" };

const PERIODS = ["today", "yesterday", "week", "month"] as const;
type Period = (typeof PERIODS)[number];

/** The days a word means, in IST, the last one whole. */
function daysOf(period: Period, today: string): { from: string; to: string } {
  if (period === "yesterday") return { from: addDays(today, -1), to: addDays(today, -1) };
  return { from: period === "today" ? today : addDays(today, period === "week" ? -6 : -29), to: today };
}

interface Filter {
  direction?: string;
  status?: string;
  disposition?: string;
  /** Days by a word, which move on with the days; else two days of one's own. */
  period?: string;
  from?: string;
  to?: string;
}

function useCalls({ direction, status, disposition, period, ...own }: Filter) {
  const named = PERIODS.find((one) => one === period);
  const { from, to } = named ? daysOf(named, toZonedInput(new Date()).slice(0, 10)) : own;
  const query = {
    direction: DIRECTIONS.find((one) => one === direction),
    status: STATUSES.find((one) => one === status),
    disposition,
    from: fromZonedInput(`${from}T00:00`)?.toISOString(),
    // The day named last counts whole.
    to: to ? new Date((fromZonedInput(`${to}T00:00`)?.getTime() ?? 0) + 86_400_000).toISOString() : undefined,
  };
  const asked = Object.fromEntries(Object.entries(query).filter(([, value]) => value)) as typeof query;
  return useInfiniteQuery({
    queryKey: ["calls", "list", asked],
    queryFn: ({ pageParam }) => unwrap(api.GET("/calls", { params: { query: { ...asked, limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } } })),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: (query) => (query.state.data?.pages.some((page) => page.items.some((call) => !call.ended_at || isOnItsWay(call.recording))) ? 3_000 : false),
  });
}

/** The list, and before it the call that the address names, if the list has not come to it. */
function useRowsWith(id: string | undefined, pages: ReturnType<typeof useCalls>): Call[] {
  const listed = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const missing = id !== undefined && pages.data !== undefined && !listed.some((call) => call.id === id);
  const named = useQuery({ queryKey: ["calls", id, "named"], queryFn: () => unwrap(api.GET("/calls/{id}", { params: { path: { id: id ?? "" } } })), enabled: missing, meta: { quiet: true } });
  return missing && named.data ? [named.data, ...listed] : listed;
}

/** Days by a word, or by two days of one's own. */
function PeriodFilter({ period, from, to, onChange }: { period: string; from: string; to: string; onChange: (days: { period: string; from: string; to: string }) => void }) {
  const { t } = useTranslation();
  const today = toZonedInput(new Date()).slice(0, 10);
  const named = PERIODS.find((one) => one === period);
  const [own, setOwn] = useState(false);
  const shown = named ?? (own || from || to ? "own" : "");
  return (
    <>
      <SelectField
        className="sm:w-44"
        label={t("calls.period")}
        empty={t("calls.anyDay")}
        options={[...PERIODS, "own"].map((value) => ({ value, label: t(`period.${value}`) }))}
        value={shown}
        onChange={(event) => {
          const next = PERIODS.find((one) => one === event.target.value);
          setOwn(event.target.value === "own");
          if (event.target.value !== "own") onChange({ period: next ?? "", from: "", to: "" });
        }}
      />
      {shown === "own" ? (
        <>
          <DayField className="sm:w-40" label={t("calls.from")} today={today} value={from} onChange={(day) => onChange({ period: "", from: day, to })} />
          <DayField className="sm:w-40" label={t("calls.to")} today={today} value={to} onChange={(day) => onChange({ period: "", from, to: day })} />
        </>
      ) : null}
    </>
  );
}

/** Over, somebody's, and nobody said yet what came of it. */
const wantsOutcome = (call: Call): boolean => Boolean(call.ended_at && call.agent_id && !call.disposition && call.direction !== "internal");

/** Calls with what came of them and how they sounded. */
export function CallsPage() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: "/desk/calls" });
  const pages = useCalls(search);
  const rows = useRowsWith(search.call, pages);
  const dispositions = useDispositions().data ?? [];
  const outcome = useDispositionName();
  const me = useMe();
  const box = useRowKeys(t("nav.calls"));
  const calls = me !== undefined && makesCalls(me.role) && Boolean(me.extension);
  const outcomeOf = (call: Call) => (call.disposition ? <Badge tone="accent">{outcome(call.disposition)}</Badge> : wantsOutcome(call) ? <Badge tone="wait">{t("calls.noOutcome")}</Badge> : null);
  const change = (next: Filter & { call?: string | undefined }) => {
    void navigate({ to: "/calls", search: given({ ...search, ...next }), replace: true });
  };

  const filtered = Boolean(search.direction ?? search.status ?? search.disposition ?? search.period ?? search.from ?? search.to);
  const { call: _open, view: picked, ...asked } = search;

  const columns: Column<Call>[] = [
    {
      key: "who",
      title: t("calls.who"),
      cell: (call) => (
        <span className="flex items-center gap-2.5">
          <DirectionIcon call={call} />
          <span className="min-w-0">
            {call.lead_id ? (
              <Link to="/leads/$leadId" params={{ leadId: call.lead_id }} className="font-semibold hover:underline">
                {call.lead_name ?? t("calls.lead")}
              </Link>
            ) : (
              <span className="font-semibold">{formatPhone(far(call))}</span>
            )}
            {call.lead_id ? <span className="block text-sm text-ink-2">{formatPhone(far(call))}</span> : null}
            <span className="block text-sm text-ink-3 sm:hidden">
              {formatWhen(call.started_at)}
              {call.answered_at ? ` · ${formatDuration(call.duration_seconds)}` : null}
            </span>
            <span className="mt-0.5 flex flex-wrap gap-1 sm:hidden">
              {call.answered_at ? null : <Badge tone={TONE[call.status]}>{t(`callStatus.${call.status}`)}</Badge>}
              {outcomeOf(call)}
            </span>
          </span>
        </span>
      ),
    },
    { key: "when", title: t("calls.when"), from: "sm", cell: (call) => <span className="whitespace-nowrap">{formatWhen(call.started_at)}</span> },
    { key: "length", title: t("calls.length"), from: "sm", cell: (call) => (call.answered_at ? formatDuration(call.duration_seconds) : "–") },
    { key: "status", title: t("calls.status"), from: "sm", cell: (call) => <Badge tone={TONE[call.status]}>{t(`callStatus.${call.status}`)}</Badge> },
    { key: "outcome", title: t("calls.outcome"), from: "md", cell: (call) => outcomeOf(call) ?? "–" },
    // A telecaller's are their own.
    ...(me && makesCalls(me.role) && !leadsTeam(me.role) ? [] : [{ key: "agent", title: t("calls.agent"), from: "lg" as const, cell: (call: Call) => call.agent_name ?? "–" }]),
    {
      key: "open",
      title: <span className="sr-only">{t("calls.details")}</span>,
      className: "text-right sm:whitespace-nowrap",
      cell: (call) => {
        const open = search.call === call.id;
        const label = call.recording && call.answered_at ? t("recording.listen") : t("calls.details");
        return (
          <span className="inline-flex flex-col items-end gap-1 sm:flex-row sm:items-center">
            {call.lead_id && calls && call.ended_at ? <CallButton callee={{ leadId: call.lead_id }} name={call.lead_name ?? t("calls.lead")} quiet word={call.status === "missed" ? t("calls.back") : t("calls.again")} /> : null}
          <Button look="quiet" size="sm" className="sm:min-w-24 sm:!justify-end" aria-expanded={open} aria-label={`${label}: ${formatDateTime(call.started_at)}`} onClick={() => change({ call: open ? undefined : call.id })}>
            {label}
            {open ? <ChevronUp className="size-4" aria-hidden="true" /> : <ChevronDown className="size-4" aria-hidden="true" />}
          </Button>
          </span>
        );
      },
    },
  ];

  return (
    <>
      <PageHeader title={t("nav.calls")} note={pages.dataUpdatedAt ? t("ui.asOf", { time: formatTime(pages.dataUpdatedAt, true) }) : null} />
      <ViewsBar list="calls" asked={given(asked)} picked={picked} onPick={(wanted, view) => void navigate({ to: "/calls", search: given({ ...wanted, view }) })} />
      <div className="grid grid-cols-2 items-end gap-3 px-4 pb-3 sm:flex sm:flex-wrap md:px-6">
        <SelectField className="sm:w-40" label={t("calls.direction")} empty={t("ui.all")} options={DIRECTIONS.map((value) => ({ value, label: t(`direction.${value}`) }))} value={search.direction ?? ""} onChange={(event) => change({ direction: event.target.value })} />
        <SelectField className="sm:w-40" label={t("calls.status")} empty={t("ui.all")} options={STATUSES.map((value) => ({ value, label: t(`callStatus.${value}`) }))} value={search.status ?? ""} onChange={(event) => change({ status: event.target.value })} />
        <SelectField className="sm:w-48" label={t("calls.outcome")} empty={t("ui.all")} options={dispositions.map((one) => ({ value: one.code, label: nameOf(one, i18n.language) }))} value={search.disposition ?? ""} onChange={(event) => change({ disposition: event.target.value })} />
        <PeriodFilter period={search.period ?? ""} from={search.from ?? ""} to={search.to ?? ""} onChange={change} />
      </div>
      <div className="mx-4 mb-6 rounded-lg border border-line bg-surface md:mx-6">
        <ListState
          query={pages}
          count={rows.length}
          empty={{
            icon: PhoneOutgoing,
            title: t("calls.empty"),
            help: filtered ? t("calls.noneFiltered") : t("calls.emptyHelp"),
            action: filtered ? <Button onClick={() => void navigate({ to: "/calls", search: {}, replace: true })}>{t("ui.showAll")}</Button> : null,
          }}
        >
          <Table label={t("nav.calls")} columns={columns} rows={rows} id={(call) => call.id} box={box} detail={(call) => (search.call === call.id ? <CallDetail call={call} /> : null)} />
          <MoreButton pages={pages} />
        </ListState>
      </div>
    </>
  );
}

const far = (call: Call): string => (call.direction === "inbound" ? call.from : call.to);

function DirectionIcon({ call }: { call: Call }) {
  const { t } = useTranslation();
  const Icon = call.status === "missed" ? PhoneMissed : call.direction === "inbound" ? PhoneIncoming : call.direction === "internal" ? Users : PhoneOutgoing;
  return (
    <span className="flex size-8 shrink-0 items-center justify-center rounded-full bg-sunken text-ink-2">
      <Icon className="size-4" aria-hidden="true" />
      <span className="sr-only">{t(`direction.${call.direction}`)}</span>
    </span>
  );
}

function CallDetail({ call }: { call: Call }) {
  const { t, i18n } = useTranslation();
  const cause = call.hangup_cause;
  const why = cause && i18n.exists(`cause.${cause.kind}`) ? t(`cause.${cause.kind}`) : cause?.kind;
  const words = call.outcome?.notes ?? call.notes;
  const me = useMe();
  const [changing, setChanging] = useState(false);
  const judges = me !== undefined && call.agent_id !== null && (call.disposition || wantsOutcome(call)) && (leadsTeam(me.role) || call.agent_id === me.id);
  return (
    <div className="flex flex-col gap-3">
      {call.recording ? <RecordingPlayer callId={call.id} recording={call.recording} label={t("recording.of", { when: formatWhen(call.started_at) })} /> : <p className="text-ink-2">{t("recording.none")}</p>}
      {words ? <p className="max-w-prose whitespace-pre-line">{words}</p> : null}
      {judges ? (
        <Button size="sm" className="self-start" onClick={() => setChanging(true)} {...outcomeForm.near}>
          <Pencil className="size-4" aria-hidden="true" />
          {call.disposition ? t("calls.changeOutcome") : t("outcome.choose")}
        </Button>
      ) : null}
      {changing ? <outcomeForm.Part call={call} onClose={() => setChanging(false)} /> : null}
      <dl className="grid grid-cols-2 gap-x-6 gap-y-2 sm:grid-cols-3 lg:grid-cols-6">
        <Fact name={t("calls.fromNumber")}>{formatPhone(call.from)}</Fact>
        <Fact name={t("calls.toNumber")}>{formatPhone(call.to)}</Fact>
        <Fact name={t("calls.extension")}>{call.extension ?? "–"}</Fact>
        <Fact name={t("calls.answered")}>{call.answered_at ? formatTime(call.answered_at, true) : "–"}</Fact>
        <Fact name={t("calls.ended")}>{call.ended_at ? formatTime(call.ended_at, true) : "–"}</Fact>
        <Fact name={t("calls.why")}>{why ? `${why}${cause?.sip_status ? ` (${cause.sip_status})` : ""}` : "–"}</Fact>
        {call.quality.map((leg) => (
          <Fact key={leg.role} name={t("calls.quality", { who: t(`legRole.${leg.role}`, { defaultValue: leg.role }) })}>
            {t("calls.qualityFacts", { verdict: t(`calls.sound.${leg.mos >= 4 ? "good" : leg.mos >= 3.6 ? "fair" : "poor"}`), mos: leg.mos.toFixed(1), loss: leg.loss_percent.toFixed(1), jitter: Math.round(leg.jitter_ms) })}
          </Fact>
        ))}
      </dl>
    </div>
  );
}
