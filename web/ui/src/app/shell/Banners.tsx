import { CircleAlert, Info, TriangleAlert, WifiOff } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Alert } from "@/api/types";
import { cx } from "@/lib/cx";
import { formatTime } from "@/lib/format";
import { useBoard } from "@/live/hooks";

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
  const words = (alert: Alert): string => (i18n.exists(`alert.${alert.code}`) ? t(`alert.${alert.code}`) : alert.message);
  return (
    <div role="status">
      {lost ? (
        <p className={cx("flex items-center gap-2 px-4 py-1.5 text-sm font-medium", LOOK.warning.className)}>
          <WifiOff className="size-4 shrink-0" aria-hidden="true" />
          {asOf ? t("shell.lostSince", { time: formatTime(asOf, true) }) : t("shell.lost")}
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
