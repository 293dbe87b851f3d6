import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Cable, Plus } from "lucide-react";
import { type ComponentProps, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import type { Trunk, TrunkHealth } from "@/api/types";
import { rowsOf, useTrunks } from "@/features/admin/api";
import type { TestCall } from "@/features/admin/trunks/TestCall";
import type { TrunkForm } from "@/features/admin/trunks/TrunkForm";
import { formatTime, formatWhen } from "@/lib/format";
import { laterForm } from "@/parts/laterForm";
import { ListState, MoreButton } from "@/parts/ListState";
import { Button } from "@/ui/Button";
import { Badge, Fact, PageHeader, type Tone } from "@/ui/bits";
import { toast } from "@/ui/toast";

const form = laterForm<ComponentProps<typeof TrunkForm>>(() => import("@/features/admin/trunks/TrunkForm").then((loaded) => loaded.TrunkForm));
const testCall = laterForm<ComponentProps<typeof TestCall>>(() => import("@/features/admin/trunks/TestCall").then((loaded) => loaded.TestCall));
const TONE: Record<TrunkHealth, Tone> = { unknown: "plain", up: "good", down: "alarm", refused: "alarm", disabled: "plain" };

/** The carriers: do they answer, what did they say last. */
export function TrunksPage() {
  const { t } = useTranslation();
  const trunks = useTrunks();
  const rows = rowsOf(trunks);
  const [editing, setEditing] = useState<Trunk | "new" | null>(null);
  const [testing, setTesting] = useState<Trunk | null>(null);
  return (
    <>
      <PageHeader
        title={t("nav.trunks")}
        note={trunks.dataUpdatedAt ? t("ui.asOf", { time: formatTime(trunks.dataUpdatedAt, true) }) : t("trunks.note")}
        actions={
          <Button look="primary" onClick={() => setEditing("new")} {...form.near}>
            <Plus className="size-4" aria-hidden="true" />
            {t("trunks.new")}
          </Button>
        }
      />
      <div className="px-4 pb-6 md:px-6">
        <ListState query={trunks} count={rows.length} empty={{ icon: Cable, title: t("trunks.none"), help: t("trunks.noneHelp") }}>
          <ul className="grid gap-3 xl:grid-cols-2">
            {rows.map((trunk) => (
              <li key={trunk.id}>
                <TrunkCard trunk={trunk} onEdit={() => setEditing(trunk)} onTest={() => setTesting(trunk)} />
              </li>
            ))}
          </ul>
          <MoreButton pages={trunks} />
        </ListState>
      </div>
      {editing ? <form.Part trunk={editing === "new" ? null : editing} onClose={() => setEditing(null)} /> : null}
      {testing ? <testCall.Part trunk={testing} onClose={() => setTesting(null)} /> : null}
    </>
  );
}

function TrunkCard({ trunk, onEdit, onTest }: { trunk: Trunk; onEdit: () => void; onTest: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { status, settings } = trunk;
  const enable = useMutation({
    mutationFn: (enabled: boolean) => unwrap(api.PATCH("/trunks/{id}", { params: { path: { id: trunk.id } }, body: { enabled } })),
    onSuccess: (_answer, enabled) => {
      void queries.invalidateQueries({ queryKey: ["trunks"] });
      toast("done", t(enabled ? "trunks.enabled" : "trunks.disabled", { name: trunk.name }), { undoLabel: t("ui.undo"), undo: () => enable.mutate(!enabled) });
    },
  });
  const host = settings.hosts?.[0];
  // One silence takes no trunk down; but asked it was.
  const silent = status.health === "unknown" && Boolean(status.last_error);
  return (
    <article className="rounded-lg border border-line bg-surface p-4">
      <header className="flex flex-wrap items-start justify-between gap-2">
        <div className="min-w-0">
          <h2 className="truncate text-lg font-semibold">{trunk.name}</h2>
          <p className="text-sm break-all text-ink-2">
            {t(`trunkPreset.${trunk.preset}`)}
            {host ? ` · ${host.host}${host.port ? `:${host.port}` : ""}` : null} · {(settings.transport ?? "udp").toUpperCase()}
          </p>
        </div>
        <Badge tone={silent ? "wait" : TONE[status.health]}>{silent ? t("trunkHealth.silent") : t(`trunkHealth.${status.health}`)}</Badge>
      </header>
      <dl className="mt-3 grid grid-cols-2 gap-x-4 gap-y-2 sm:grid-cols-[repeat(3,minmax(0,1fr))_max-content]">
        <Fact name={t("trunks.liveCalls")}>
          {status.live_calls}
          {settings.channel_cap ? ` / ${settings.channel_cap}` : null}
        </Fact>
        <Fact name={t("trunks.registration")}>{status.registration ? t(`registration.${status.registration}`, { defaultValue: status.registration }) : "–"}</Fact>
        <Fact name={t("trunks.latency")}>{typeof status.latency_ms === "number" ? status.latency_ms === 0 ? "< 1 ms" : `${status.latency_ms} ms` : "–"}</Fact>
        <Fact name={t("trunks.since")}>{status.since ? formatWhen(status.since) : "–"}</Fact>
      </dl>
      {status.last_error ? (
        <p className={status.health === "down" || status.health === "refused" ? "mt-3 rounded-md bg-alarm-soft px-3 py-2 text-alarm" : "mt-3 rounded-md bg-sunken px-3 py-2 text-ink-2"}>
          <span className="font-medium">{t("trunks.lastError")}</span> {status.last_error}
        </p>
      ) : null}
      <footer className="mt-3 flex flex-wrap gap-2">
        <Button size="sm" disabledReason={trunk.enabled ? null : t("trunks.isOff")} aria-label={`${t("trunks.test")}: ${trunk.name}`} onClick={onTest} {...testCall.near}>
          {t("trunks.test")}
        </Button>
        <Button size="sm" look="quiet" aria-label={t("ui.editName", { name: trunk.name })} onClick={onEdit} {...form.near}>
          {t("ui.edit")}
        </Button>
        <Button size="sm" look="quiet" aria-label={`${trunk.enabled ? t("trunks.switchOff") : t("trunks.switchOn")}: ${trunk.name}`} onClick={() => enable.mutate(!trunk.enabled)}>
          {trunk.enabled ? t("trunks.switchOff") : t("trunks.switchOn")}
        </Button>
      </footer>
    </article>
  );
}
