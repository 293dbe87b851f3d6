import { StickyNote } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { TimelineKind } from "@/api/types";
import { useAddNote, useTimeline } from "@/features/lead/api";
import { formatNumber } from "@/lib/format";
import { readLocal, writeLocal } from "@/lib/storage";
import { useActions } from "@/lib/useActions";
import { TimelineList } from "@/parts/Timeline";
import { Button } from "@/ui/Button";
import { EmptyState, SkeletonRows } from "@/ui/bits";
import { TextArea } from "@/ui/Field";
import { Tabs } from "@/ui/Tabs";

type View = TimelineKind | "all";
const VIEWS: readonly View[] = ["all", "call", "note", "callback", "change"];

/** What happened so far, and the place to write down more. */
export function LeadTimeline({ leadId, readOnly }: { leadId: string; readOnly: boolean }) {
  const { t } = useTranslation();
  const [view, setView] = useState<View>("all");
  const pages = useTimeline(leadId, view === "all" ? undefined : view);
  const items = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const counts = useCounts(leadId);
  return (
    <section aria-label={t("timeline.title")} className="self-start rounded-lg border border-line bg-surface">
      <Tabs label={t("timeline.title")} value={view} onChange={setView} items={VIEWS.map((value) => ({ value, label: t(`timeline.view.${value}`), count: counts?.(value) }))} panelClassName="p-4">
        {readOnly ? null : <NoteForm leadId={leadId} />}
        {pages.isPending ? <SkeletonRows rows={5} label={t("ui.loading")} /> : null}
        {pages.error && items.length === 0 ? (
          <EmptyState title={t("problem.list")} action={<Button onClick={() => void pages.refetch()}>{t("problem.again")}</Button>} />
        ) : null}
        {pages.data && items.length === 0 ? <EmptyState icon={StickyNote} title={t("timeline.empty")}>{t("timeline.emptyHelp")}</EmptyState> : null}
        <TimelineList items={items} />
        {pages.hasNextPage ? (
          <Button className="mt-3" size="sm" busy={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            {t("ui.more")}
          </Button>
        ) : null}
      </Tabs>
    </section>
  );
}

/** How many of a kind; nothing while there may be more than was read, nor for none, nor for all: the tabs have to fit. */
function useCounts(leadId: string): ((view: View) => string | undefined) | undefined {
  const all = useTimeline(leadId, undefined);
  if (!all.data || all.hasNextPage) return undefined;
  const kinds = all.data.pages.flatMap((page) => page.items.map((item) => item.kind));
  return (view) => {
    const count = kinds.filter((kind) => kind === view).length;
    return count > 0 ? formatNumber(count) : undefined;
  };
}

function NoteForm({ leadId }: { leadId: string }) {
  const { t } = useTranslation();
  const key = `telehub.leadNote.${leadId}`;
  const [text, setText] = useState(() => readLocal(key) ?? "");
  const add = useAddNote(leadId);
  const change = (next: string) => {
    setText(next);
    writeLocal(key, next || null);
  };
  const save = () => {
    if (text.trim() === "" || add.isPending) return;
    add.mutate(text.trim(), { onSuccess: () => change("") });
  };
  const writing = text.trim() !== "";
  useActions(writing ? [{ id: "note.save", label: t("note.save"), group: t("lead.group"), keys: ["Ctrl+Enter"], run: save }] : []);
  return (
    <div className="mb-5">
      <TextArea label={t("note.new")} hideLabel rows={2} maxLength={500} value={text} placeholder={t("note.prompt")} onChange={(event) => change(event.target.value)} />
      {writing ? (
        <div className="mt-2 flex items-center justify-between">
          <span className="text-sm text-ink-3">{text.length}/500</span>
          <Button look="primary" size="sm" keys={["Ctrl+Enter"]} actionId="note.save" busy={add.isPending} onClick={save}>
            {t("note.save")}
          </Button>
        </div>
      ) : null}
    </div>
  );
}
