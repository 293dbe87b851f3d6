import { CircleAlert, Info, PhoneOff, TriangleAlert, WifiOff } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { isAdmin, leadsTeam, makesCalls, useMe } from "@/api/me";
import type { Alert } from "@/api/types";
import { cx } from "@/lib/cx";
import { formatTime } from "@/lib/format";
import { useBoard, useMyAgent } from "@/live/hooks";

const LOOK = {
  info: { icon: Info, className: "bg-accent-soft text-accent" },
  warning: { icon: TriangleAlert, className: "bg-wait-soft text-wait" },
  critical: { icon: CircleAlert, className: "bg-alarm-soft text-alarm" },
} as const;

/** What is wrong now, and how old the picture is. */
export function Banners() {
  const { t, i18n } = useTranslation();
  const link = useBoard((now) => now.link);
  const asOf = useBoard((now) => now.asOf);
  const alerts = useBoard((now) => now.alerts);
  const lost = useLasting(link === "lost", 1_500);
  const me = useMe();
  const away = useLasting(useMyAgent()?.reachable === false && link === "live" && Boolean(me?.extension), 1_500);
  const phone = me && makesCalls(me.role) && !leadsTeam(me.role) && !me.extension ? t("shell.noPhone") : away ? t("shell.phoneAway", { number: me?.extension?.number }) : null;
  const words = (alert: Alert): string => {
    const known = `alert.${alert.code.split(":")[0]}`;
    return i18n.exists(known) ? t(known, { name: alert.about ?? "" }) : alert.message;
  };
  return (
    <div role="status">
      {lost ? (
        <p className={cx("flex items-center gap-2 px-4 py-1.5 text-sm font-medium", LOOK.warning.className)}>
          <WifiOff className="size-4 shrink-0" aria-hidden="true" />
          {asOf ? t("shell.lostSince", { time: formatTime(asOf, true) }) : t("shell.lost")}
        </p>
      ) : null}
      {phone ? (
        <p className={cx("flex items-start gap-2 px-4 py-1.5 text-sm", LOOK.warning.className)}>
          <PhoneOff className="mt-0.5 size-4 shrink-0" aria-hidden="true" />
          <span>
            <span className="font-medium">{phone}</span> {isAdmin(me?.role) ? t("shell.phoneHelpAdmin") : t("shell.phoneHelp")}
          </span>
        </p>
      ) : null}
      {Object.values(alerts).map((alert) => {
        const { icon: Icon, className } = LOOK[alert.severity];
        return (
          <p key={alert.code} className={cx("flex items-center gap-2 px-4 py-1.5 text-sm font-medium", className)}>
            <Icon className="size-4 shrink-0" aria-hidden="true" />
            {words(alert)}
          </p>
        );
      })}
    </div>
  );
}

/** True once something has been true for a while: a blink is no news. */
function useLasting(value: boolean, ms: number): boolean {
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    if (!value) {
      setLasting(false);
      return undefined;
    }
    const timer = setTimeout(() => setLasting(true), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return lasting;
}
