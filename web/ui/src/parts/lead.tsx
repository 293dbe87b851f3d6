import { Flame, type LucideIcon, Snowflake, Sun } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { LeadStatus, Priority } from "@/api/types";
import { ageOf, formatPhone } from "@/lib/format";
import { Badge, type Tone } from "@/ui/bits";

const PRIORITY: Record<Priority, { tone: Tone; icon: LucideIcon }> = {
  hot: { tone: "wait", icon: Flame },
  warm: { tone: "accent", icon: Sun },
  cold: { tone: "plain", icon: Snowflake },
};

export function PriorityBadge({ priority }: { priority: Priority }) {
  const { t } = useTranslation();
  const { tone, icon } = PRIORITY[priority];
  return (
    <Badge tone={tone} icon={icon}>
      {t(`priority.${priority}`)}
    </Badge>
  );
}

const STATUS: Record<LeadStatus, Tone> = {
  new: "accent",
  contacted: "plain",
  interested: "good",
  not_interested: "plain",
  customer: "good",
  invalid: "plain",
  dnd: "alarm",
};

export function StatusBadge({ status }: { status: LeadStatus }) {
  const { t } = useTranslation();
  return <Badge tone={STATUS[status]}>{t(`leadStatus.${status}`)}</Badge>;
}

/** A number as it may be shown to this reader; masked ones come masked. */
export function PhoneText({ phone, className }: { phone: string; className?: string }) {
  return <span className={`whitespace-nowrap ${className ?? ""}`}>{formatPhone(phone)}</span>;
}

/** "3 days", "2 hours": how old something is, in words. */
export function useAge(): (at: string) => string {
  const { t } = useTranslation();
  return (at) => {
    const { count, unit } = ageOf(at);
    return t(`age.${unit}`, { count });
  };
}

