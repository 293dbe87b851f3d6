import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { CircleAlert, MapPinOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { asProblem } from "@/api/problem";
import { EmptyState } from "@/ui/bits";
import { Button, buttonClass } from "@/ui/Button";

/** A page that failed says what failed, and lets one try again. */
export function RouteError({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation();
  const router = useRouter();
  const problem = asProblem(error);
  return (
    <div role="alert">
      <EmptyState
        page
        icon={CircleAlert}
        title={problem.offline ? t("problem.offline") : t("problem.page")}
        action={
          <Button
            look="primary"
            onClick={() => {
              reset();
              void router.invalidate();
            }}
          >
            {t("problem.again")}
          </Button>
        }
      >
        <p>{problem.offline ? t("problem.offlineHelp") : problem.message}</p>
      </EmptyState>
    </div>
  );
}

export function NotFound() {
  const { t } = useTranslation();
  return (
    <main className="grid min-h-dvh place-items-center pb-24">
      <EmptyState
        page
        icon={MapPinOff}
        title={t("problem.notFound")}
        action={
          <Link to="/" className={buttonClass("primary")}>
            {t("problem.home")}
          </Link>
        }
      >
        {t("problem.notFoundHelp")}
      </EmptyState>
    </main>
  );
}
