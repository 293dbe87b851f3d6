import { useCanGoBack, useParams, useRouter } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { asProblem } from "@/api/problem";
import { LeadCard } from "@/features/lead/LeadCard";
import { LeadTimeline } from "@/features/lead/LeadTimeline";
import { useLead } from "@/features/lead/api";
import { useActions } from "@/lib/useActions";
import { CallButton } from "@/parts/CallButton";
import { newCallId, useBlockText, useCallObstacle, useStartCall } from "@/parts/calls";
import { PhoneText, PriorityBadge, StatusBadge } from "@/parts/lead";
import { ScriptView } from "@/parts/ScriptView";
import { Button } from "@/ui/Button";
import { Card, EmptyState, SkeletonRows } from "@/ui/bits";

/** Everything about one person. */
export function LeadPage() {
  const { t } = useTranslation();
  const { leadId } = useParams({ from: "/desk/leads/$leadId" });
  const router = useRouter();
  const canGoBack = useCanGoBack();
  const me = useMe();
  const found = useLead(leadId);
  const lead = found.data;
  const start = useStartCall();
  const obstacle = useCallObstacle();
  const blockText = useBlockText();
  const blocked = lead?.dnd ? blockText({ rule: "do_not_call", detail: "" }) : null;
  const back = () => (canGoBack ? router.history.back() : void router.navigate({ to: "/queue" }));

  useEffect(() => {
    if (lead) document.title = `${lead.name} · TeleHub`;
  }, [lead]);
  useActions([
    { id: "lead.call", label: lead ? t("call.callName", { name: lead.name }) : t("call.call"), group: t("lead.group"), keys: ["KeyC"], rests: true, disabledReason: blocked ?? obstacle, run: () => start.mutate({ leadId, callId: newCallId() }) },
    { id: "lead.back", label: t("ui.back"), group: t("lead.group"), keys: ["Escape"], run: back },
  ]);

  if (found.error) {
    const problem = asProblem(found.error);
    return (
      <div role="alert">
        <EmptyState
          title={problem.status === 404 ? t("lead.gone") : problem.offline ? t("problem.offline") : t("problem.page")}
          action={
            <Button look="primary" onClick={() => (problem.status === 404 ? back() : void found.refetch())}>
              {problem.status === 404 ? t("ui.back") : t("problem.again")}
            </Button>
          }
        >
          {problem.status === 404 ? t("lead.goneHelp") : problem.message}
        </EmptyState>
      </div>
    );
  }
  if (!lead) return <SkeletonRows rows={8} label={t("ui.loading")} />;

  return (
    <div className="flex h-full flex-col">
      <header className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-line bg-surface px-4 py-3 md:px-6">
        <Button look="quiet" size="icon" hint={t("ui.back")} onClick={back}>
          <ArrowLeft className="size-5" aria-hidden="true" />
        </Button>
        <div className="min-w-0">
          <h1 className="truncate text-xl font-semibold">{lead.name}</h1>
          <p className="text-ink-2">
            <PhoneText phone={lead.phone} />
            {lead.organisation ? ` · ${lead.organisation}` : null}
          </p>
        </div>
        <div className="flex flex-wrap gap-1.5">
          <PriorityBadge priority={lead.priority} />
          <StatusBadge status={lead.status} />
        </div>
        <div className="ml-auto">
          {me?.role === "viewer" ? null : <CallButton callee={{ leadId: lead.id }} name={lead.name} blocked={blocked} size="lg" keys={["KeyC"]} actionId="lead.call" />}
        </div>
      </header>
      <div className="grid min-h-0 flex-1 grid-cols-1 gap-4 overflow-y-auto p-4 md:px-6 lg:grid-cols-[19rem_minmax(0,1fr)] xl:grid-cols-[19rem_minmax(0,1fr)_20rem]">
        <LeadCard lead={lead} readOnly={me?.role === "viewer"} />
        <LeadTimeline leadId={lead.id} readOnly={me?.role === "viewer"} />
        <Card className="hidden self-start xl:block" title={t("script.title")}>
          <ScriptView lead={lead} />
        </Card>
      </div>
    </div>
  );
}
