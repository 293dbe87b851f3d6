import { useNavigate, useSearch } from "@tanstack/react-router";
import { PartyPopper, RefreshCw, Search, SearchX } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { asProblem } from "@/api/problem";
import type { QueueItem } from "@/api/types";
import { type QueueTab, asItem, useQueue, useQueueSearch } from "@/features/queue/api";
import { QueueRow } from "@/features/queue/QueueRow";
import type { Action } from "@/lib/actions";
import { formatNumber, formatTime } from "@/lib/format";
import { searchTerm } from "@/lib/phone";
import { useRows } from "@/lib/rows";
import { useActions, useKeys } from "@/lib/useActions";
import { useSettled } from "@/lib/useSettled";
import { newCallId, useBlockText, useCallObstacle, useStartCall } from "@/parts/calls";
import { Button, Keys } from "@/ui/Button";
import { EmptyState, PageHeader, SkeletonRows } from "@/ui/bits";
import { Tabs } from "@/ui/Tabs";

const ROW_PX = 68;
const TABS: readonly QueueTab[] = ["callback", "fresh", "retry", "all"];

/** Counts that cut across the categories: each lead in them is in another count too. */
const ACROSS = new Set(["all", "due"]);

/** Whom to call next, and why. */
export function QueuePage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: "/desk/queue" });
  const tab: QueueTab = search.tab ?? "all";
  const [text, setText] = useState(search.q ?? "");
  const q = useSettled(searchTerm(text), 250);
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    if ((search.q ?? "") !== q) void navigate({ to: "/queue", search: { ...(search.tab ? { tab: search.tab } : {}), ...(q ? { q } : {}) }, replace: true });
  }, [q, search.q, search.tab, navigate]);

  const queue = useQueue(tab, true);
  const found = useQueueSearch(q);
  const items = useMemo<readonly QueueItem[]>(
    () => (q ? (found.data?.pages.flatMap((page) => page.items.map(asItem)) ?? []) : (queue.data?.pages.flatMap((page) => page.items) ?? [])),
    [q, found.data, queue.data],
  );
  const source = q ? found : queue;
  const counts = queue.data?.pages[0]?.counts ?? {};
  const total = (name: QueueTab): number | undefined => (queue.data ? (name === "all" ? Object.entries(counts).reduce((sum, [key, n]) => (ACROSS.has(key) ? sum : sum + n), 0) : (counts[name] ?? 0)) : undefined);

  const shown = (count: number | undefined): string | undefined => (count === undefined ? undefined : formatNumber(count));

  return (
    <div className="flex h-full flex-col">
      <PageHeader
        title={t("queue.title")}
        note={queue.dataUpdatedAt ? t("ui.asOf", { time: formatTime(queue.dataUpdatedAt, true) }) : null}
        actions={
          <>
            <label className="relative block flex-1 sm:flex-none">
              <span className="sr-only">{t("queue.search")}</span>
              <Search className="pointer-events-none absolute top-1/2 left-2.5 size-4 -translate-y-1/2 text-ink-3" aria-hidden="true" />
              <input
                ref={field}
                type="search"
                value={text}
                placeholder={t("queue.search")}
                onChange={(event) => setText(event.target.value)}
                onKeyDown={(event) => {
                  if (event.code === "Escape") {
                    setText("");
                    field.current?.blur();
                  }
                }}
                className="min-h-9 w-full rounded-md sm:w-64 border border-edge bg-surface pr-2 pl-8"
              />
            </label>
            <Button size="icon" look="quiet" hint={t("ui.refresh")} busy={source.isFetching} onClick={() => void source.refetch()}>
              <RefreshCw className={source.isFetching ? "size-4 animate-spin" : "size-4"} aria-hidden="true" />
            </Button>
          </>
        }
      />
      <Tabs
        label={t("queue.title")}
        value={tab}
        onChange={(next) => {
          setText("");
          void navigate({ to: "/queue", search: { tab: next } });
        }}
        items={TABS.map((name) => ({ value: name, label: t(`queue.tab.${name}`), count: shown(total(name)) }))}
        panelClassName="min-h-0 flex-1 flex flex-col"
      >
        {source.error && items.length === 0 ? (
          <Failed error={source.error} onAgain={() => void source.refetch()} />
        ) : source.isPending ? (
          <SkeletonRows rows={9} label={t("ui.loading")} />
        ) : items.length === 0 ? (
          <Nothing q={q} tab={tab} others={tab === "all" ? 0 : (total("all") ?? 0)} onAll={() => void navigate({ to: "/queue", search: {} })} />
        ) : (
          <QueueList key={`${tab}|${q}`} items={items} more={source.hasNextPage} onMore={() => void source.fetchNextPage()} onSearch={() => field.current?.focus()} />
        )}
      </Tabs>
    </div>
  );
}

function Failed({ error, onAgain }: { error: unknown; onAgain: () => void }) {
  const { t } = useTranslation();
  const problem = asProblem(error);
  return (
    <div role="alert">
      <EmptyState
        icon={SearchX}
        title={problem.offline ? t("problem.offline") : t("problem.list")}
        action={
          <Button look="primary" onClick={onAgain}>
            {t("problem.again")}
          </Button>
        }
      >
        {problem.offline ? t("problem.offlineHelp") : problem.message}
      </EmptyState>
    </div>
  );
}

/** With a way on: the other tabs may hold somebody. */
function Nothing({ q, tab, others, onAll }: { q: string; tab: QueueTab; others: number; onAll: () => void }) {
  const { t } = useTranslation();
  if (q) return <EmptyState icon={SearchX} title={t("queue.notFound", { q })}>{t("queue.notFoundHelp")}</EmptyState>;
  return (
    <EmptyState icon={PartyPopper} title={t(`queue.empty.${tab}`)} action={others > 0 ? <Button onClick={onAll}>{t("ui.showAll")}</Button> : null}>
      {t("queue.emptyHelp")}
    </EmptyState>
  );
}

interface QueueListProps {
  items: readonly QueueItem[];
  more: boolean;
  onMore: () => void;
  onSearch: () => void;
}

function QueueList({ items, more, onMore, onSearch }: QueueListProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const scroller = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(0);
  const start = useStartCall();
  const obstacle = useCallObstacle();
  const blockText = useBlockText();
  const rows = useRows(scroller, items.length, ROW_PX);
  useEffect(() => {
    if (more && rows.end > items.length - 15) onMore();
  }, [more, rows.end, items.length, onMore]);

  const chosen = Math.min(at, items.length - 1);
  const item = items[chosen];
  const go = (next: number) => {
    const index = Math.max(0, Math.min(items.length - 1, next));
    setAt(index);
    rows.show(index);
  };
  const open = (leadId: string) => void navigate({ to: "/leads/$leadId", params: { leadId } });
  const group = t("queue.title");
  const actions: Action[] = [
    { id: "queue.next", label: t("queue.next"), group, keys: ["KeyJ", "ArrowDown"], repeats: true, unlisted: true, run: () => go(chosen + 1) },
    { id: "queue.previous", label: t("queue.previous"), group, keys: ["KeyK", "ArrowUp"], repeats: true, unlisted: true, run: () => go(chosen - 1) },
    { id: "queue.open", label: t("queue.open"), group, keys: ["Enter"], unlisted: true, run: () => item && open(item.lead.id) },
    {
      id: "queue.call",
      label: item ? t("call.callName", { name: item.lead.name }) : t("call.call"),
      group,
      keys: ["KeyC"],
      rests: true,
      disabledReason: (item ? blockText(item.blocked) : null) ?? obstacle,
      run: () => item && start.mutate({ leadId: item.lead.id, callId: newCallId() }),
    },
    { id: "queue.search", label: t("queue.search"), group, keys: ["Slash"], run: onSearch },
  ];
  useActions(actions);

  return (
    <>
      <div ref={scroller} className="min-h-0 flex-1 overflow-y-auto">
        <ul aria-label={t("queue.title")} className="relative" style={{ height: items.length * ROW_PX }}>
          {items.slice(rows.first, rows.end).map((entry, below) => {
            const index = rows.first + below;
            return (
              <QueueRow
                key={entry.lead.id}
                item={entry}
                top={index * ROW_PX}
                index={index}
                total={items.length}
                current={index === chosen}
                blocked={blockText(entry.blocked)}
                onOpen={() => open(entry.lead.id)}
                onPick={() => setAt(index)}
              />
            );
          })}
        </ul>
      </div>
      <p className="hidden shrink-0 border-t border-line bg-surface px-6 py-1.5 text-sm text-ink-3 md:block">
        <Hint action={actions[0]} /> <Hint action={actions[1]} /> {t("queue.hintMove")} · <Hint action={actions[2]} /> {t("queue.hintOpen")} · <Hint action={actions[3]} /> {t("queue.hintCall")} ·{" "}
        <Hint action={actions[4]} /> {t("queue.hintSearch")}
      </p>
    </>
  );
}

function Hint({ action }: { action: Action | undefined }) {
  const [combo] = useKeys(action?.id ?? "", action?.keys);
  return combo ? <Keys combo={combo} /> : <span>–</span>;
}
