/** Saved views of a list, side by side with their counts; what was changed since is shown as such until it is saved. */
import { ArrowLeft, ArrowRight, BookmarkPlus, Ellipsis, Pencil, Save, Trash2, Undo2, Users } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { leadsTeam, useMe } from "@/api/me";
import type { SavedView, ViewList } from "@/api/types";
import { cx } from "@/lib/cx";
import { formatNumber } from "@/lib/format";
import { type Asked, COUNT_MOST, sameAsked, useViewActs, useViews } from "@/parts/views/api";
import { ViewForm } from "@/parts/views/ViewForm";
import { Button } from "@/ui/Button";
import { Menu, MenuItem } from "@/ui/Menu";
import { toast } from "@/ui/toast";

interface ViewsBarProps {
  list: ViewList;
  /** What the list is asked now. */
  asked: Asked;
  /** The view that was picked, by the address. */
  picked: string | undefined;
  onPick: (asked: Asked, view: string | undefined) => void;
}

export function ViewsBar({ list, asked, picked, onPick }: ViewsBarProps) {
  const { t } = useTranslation();
  const views = useViews(list).data ?? [];
  const current = views.find((view) => view.id === picked);
  const changed = current !== undefined && !sameAsked(current.query, asked);
  const acts = useViewActs(list);
  const [form, setForm] = useState<"new" | "rename" | null>(null);
  const leads = leadsTeam(useMe()?.role);
  const nothing = sameAsked(asked, {});

  const keep = (view: SavedView) =>
    acts.change.mutate(
      { id: view.id, query: { ...asked } },
      { onSuccess: () => toast("done", t("views.kept", { name: view.name }), { undoLabel: t("ui.undo"), undo: () => acts.change.mutate({ id: view.id, query: view.query }, { onSuccess: () => onPick(view.query, view.id) }) }) },
    );
  return (
    <div className="flex flex-wrap items-center gap-x-2 gap-y-1.5 px-4 pb-3 md:px-6">
      <nav aria-label={t("views.title")} className="flex min-w-0 flex-wrap gap-1.5">
        <Chip pressed={nothing && !current} onClick={() => onPick({}, undefined)}>
          {t("views.all")}
        </Chip>
        {views.map((view) => (
          <Chip key={view.id} pressed={view.id === picked} onClick={() => onPick(view.query, view.id)}>
            {view.shared ? <Users className="size-3.5 shrink-0" aria-label={t("views.shared")} /> : null}
            <span className="max-w-44 truncate">{view.name}</span>
            <Count view={view} />
            {view.id === picked && changed ? <span className="font-normal italic">{t("views.changed")}</span> : null}
          </Chip>
        ))}
      </nav>
      {current && changed ? (
        <>
          {current.changeable ? (
            <Button size="sm" look="plain" busy={acts.change.isPending} onClick={() => keep(current)}>
              <Save className="size-4" aria-hidden="true" />
              {t("views.keep")}
            </Button>
          ) : null}
          <Button size="sm" look="quiet" onClick={() => onPick(current.query, current.id)}>
            <Undo2 className="size-4" aria-hidden="true" />
            {t("views.restore")}
          </Button>
        </>
      ) : null}
      {(current ? changed : !nothing) ? (
        <Button size="sm" look="plain" onClick={() => setForm("new")}>
          <BookmarkPlus className="size-4" aria-hidden="true" />
          {current ? t("views.saveAs") : t("views.save")}
        </Button>
      ) : null}
      {current?.changeable ? <ViewMenu view={current} views={views} acts={acts} onRename={() => setForm("rename")} onGone={(next) => onPick(next?.query ?? asked, next?.id)} /> : null}
      {form === "new" ? (
        <ViewForm
          title={t("views.save")}
          mayShare={leads}
          busy={acts.create.isPending}
          onClose={() => setForm(null)}
          onSave={({ name, shared }) =>
            acts.create.mutate(
              { list, name, shared, query: { ...asked } },
              {
                onSuccess: (made) => {
                  setForm(null);
                  onPick(made.query, made.id);
                  toast("done", t("views.saved", { name: made.name }));
                },
              },
            )
          }
        />
      ) : null}
      {form === "rename" && current ? (
        <ViewForm
          title={t("views.rename")}
          view={current}
          mayShare={leads}
          busy={acts.change.isPending}
          onClose={() => setForm(null)}
          onSave={({ name, shared }) =>
            acts.change.mutate(
              { id: current.id, name, shared },
              {
                onSuccess: () => {
                  setForm(null);
                  toast("done", t("views.kept", { name }), { undoLabel: t("ui.undo"), undo: () => acts.change.mutate({ id: current.id, name: current.name, shared: current.shared }) });
                },
              },
            )
          }
        />
      ) : null}
    </div>
  );
}

function Chip({ pressed, onClick, children }: { pressed: boolean; onClick: () => void; children: React.ReactNode }) {
  return (
    <button
      type="button"
      aria-pressed={pressed}
      onClick={onClick}
      className={cx("inline-flex min-h-8 items-center gap-1.5 rounded-full border px-3 text-sm", pressed ? "border-accent bg-accent-soft font-semibold text-accent" : "border-edge/60 bg-surface text-ink-2 hover:bg-sunken hover:text-ink")}
    >
      {children}
    </button>
  );
}

function Count({ view }: { view: SavedView }) {
  const { t } = useTranslation();
  if (typeof view.count !== "number") return null;
  const shown = view.count >= COUNT_MOST ? t("views.many", { count: formatNumber(COUNT_MOST) }) : formatNumber(view.count);
  return <span className="rounded-full bg-sunken px-1.5 text-xs text-ink-2 tabular-nums">{shown}</span>;
}

interface ViewMenuProps {
  view: SavedView;
  views: readonly SavedView[];
  acts: ReturnType<typeof useViewActs>;
  onRename: () => void;
  /** It is gone, or back under another id. */
  onGone: (next: SavedView | undefined) => void;
}

function ViewMenu({ view, views, acts, onRename, onGone }: ViewMenuProps) {
  const { t } = useTranslation();
  const at = views.findIndex((one) => one.id === view.id);
  /** Places change hands; where they were alike the other one's moves on by one. */
  const swap = (other: SavedView | undefined, step: -1 | 1) => {
    if (!other) return;
    const place = other.position === view.position ? view.position + step : other.position;
    acts.change.mutate({ id: view.id, position: place });
    if (other.changeable && other.position !== view.position) acts.change.mutate({ id: other.id, position: view.position });
  };
  const remove = () =>
    acts.remove.mutate(view.id, {
      onSuccess: () => {
        onGone(undefined);
        const { list, name, shared, query, position } = view;
        toast("done", t("views.deleted", { name }), { undoLabel: t("ui.undo"), undo: () => acts.create.mutate({ list, name, shared, query, position }, { onSuccess: onGone }) });
      },
    });
  return (
    <Menu
      align="start"
      trigger={
        <Button size="icon-sm" look="quiet" hint={t("views.more", { name: view.name })}>
          <Ellipsis className="size-4" aria-hidden="true" />
        </Button>
      }
    >
      <MenuItem onClick={onRename}>
        <Pencil className="size-4" aria-hidden="true" />
        {t("views.rename")}
      </MenuItem>
      {at > 0 ? (
        <MenuItem onClick={() => swap(views[at - 1], -1)}>
          <ArrowLeft className="size-4" aria-hidden="true" />
          {t("views.earlier")}
        </MenuItem>
      ) : null}
      {at < views.length - 1 ? (
        <MenuItem onClick={() => swap(views[at + 1], 1)}>
          <ArrowRight className="size-4" aria-hidden="true" />
          {t("views.later")}
        </MenuItem>
      ) : null}
      <MenuItem onClick={remove}>
        <Trash2 className="size-4" aria-hidden="true" />
        {t("views.delete")}
      </MenuItem>
    </Menu>
  );
}
