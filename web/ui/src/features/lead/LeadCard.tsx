import { useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Lead, LeadChange, LeadStatus, Priority } from "@/api/types";
import { useChangeLead } from "@/features/lead/api";
import { formatPhone, formatWhen } from "@/lib/format";
import { useActions } from "@/lib/useActions";
import { useDispositionName } from "@/parts/dispositions";
import { Card, Fact } from "@/ui/bits";
import { type InlineEdit, InlineField } from "@/ui/InlineField";

export const LEAD_STATUSES: readonly LeadStatus[] = ["new", "contacted", "interested", "not_interested", "customer", "invalid", "dnd"];
export const PRIORITIES: readonly Priority[] = ["hot", "warm", "cold"];
const SPOKEN = ["hi", "en", "bn", "gu", "kn", "ml", "mr", "pa", "ta", "te", "ur"];

type Fields = Omit<LeadChange, "updated_at">;

/** The facts of a person, each edited where it stands. */
export function LeadCard({ lead, readOnly }: { lead: Lead; readOnly: boolean }) {
  const { t } = useTranslation();
  const nameOf = useDispositionName();
  const change = useChangeLead(lead.id);
  const locked = readOnly ? t("lead.readOnly") : null;
  const save = (label: string, fields: Fields, before: Fields) => change.mutateAsync({ fields, label, before });
  const refuse = () => Promise.reject(new Error("nothing to save"));
  const first = useRef<InlineEdit>(null);
  useActions([{ id: "lead.edit", label: t("lead.edit"), group: t("lead.group"), keys: ["KeyE"], disabledReason: locked, run: () => first.current?.begin() }]);
  const orNull = (text: string): string | null => (text === "" ? null : text);
  const options = <T extends string>(values: readonly T[], key: string) => values.map((value) => ({ value, label: t(`${key}.${value}`) }));

  return (
    <Card title={t("lead.card")} className="self-start">
      <dl className="grid grid-cols-2 gap-x-3 gap-y-2">
        <InlineField wide label={t("lead.name")} value={lead.name} lockedReason={locked} ref={first} onSave={(name) => (name ? save(t("lead.name"), { name }, { name: lead.name }) : refuse())} />
        <InlineField
          wide
          label={t("lead.phone")}
          type="tel"
          value={lead.phone}
          shown={formatPhone(lead.phone)}
          lockedReason={locked ?? (lead.phone_masked ? t("lead.masked") : null)}
          onSave={(phone) => (phone ? save(t("lead.phone"), { phone }, { phone: lead.phone }) : refuse())}
        />
        <InlineField wide label={t("lead.organisation")} value={lead.organisation ?? ""} lockedReason={locked} onSave={(text) => save(t("lead.organisation"), { organisation: orNull(text) }, { organisation: lead.organisation ?? null })} />
        <InlineField wide label={t("lead.email")} type="email" value={lead.email ?? ""} lockedReason={locked} onSave={(text) => save(t("lead.email"), { email: orNull(text) }, { email: lead.email ?? null })} />
        <InlineField label={t("lead.status")} value={lead.status} shown={t(`leadStatus.${lead.status}`)} options={options(LEAD_STATUSES, "leadStatus")} lockedReason={locked} onSave={(status) => save(t("lead.status"), { status: status as LeadStatus }, { status: lead.status })} />
        <InlineField label={t("lead.priority")} value={lead.priority} shown={t(`priority.${lead.priority}`)} options={options(PRIORITIES, "priority")} lockedReason={locked} onSave={(priority) => save(t("lead.priority"), { priority: priority as Priority }, { priority: lead.priority })} />
        <InlineField
          label={t("lead.language")}
          value={lead.language ?? ""}
          shown={lead.language ? t(`languageName.${lead.language}`, { defaultValue: lead.language }) : undefined}
          options={[...(lead.language ? [] : [{ value: "", label: "–" }]), ...SPOKEN.map((value) => ({ value, label: t(`languageName.${value}`) }))]}
          lockedReason={locked}
          onSave={(language) => (language ? save(t("lead.language"), { language }, { language: lead.language ?? null }) : refuse())}
        />
        <InlineField label={t("lead.pincode")} value={lead.pincode ?? ""} lockedReason={locked} onSave={(pincode) => save(t("lead.pincode"), { pincode }, { pincode: lead.pincode ?? "" })} />
        <Fact name={t("lead.score")}>{lead.lead_score}/100</Fact>
        <Fact name={t("lead.attempts")}>{lead.attempts}</Fact>
        <Fact name={t("lead.source")}>{t(`source.${lead.source}`, { defaultValue: lead.source })}</Fact>
        <Fact name={t("lead.owner")}>{lead.assigned_to_name ?? t("lead.nobody")}</Fact>
        <Fact className="col-span-2" name={t("lead.lastContact")}>
          {lead.last_contact_at ? formatWhen(lead.last_contact_at) : t("lead.never")}
          {lead.last_disposition ? ` · ${nameOf(lead.last_disposition)}` : null}
        </Fact>
        {lead.next_attempt_at ? <Fact className="col-span-2" name={t("lead.nextAttempt")}>{formatWhen(lead.next_attempt_at)}</Fact> : null}
      </dl>
    </Card>
  );
}
