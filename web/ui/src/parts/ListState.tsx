import { CircleAlert, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/Button";
import { EmptyState, SkeletonRows } from "@/ui/bits";

interface ListStateProps {
  query: { isPending: boolean; error: unknown; refetch: () => unknown };
  count: number;
  empty: { icon?: LucideIcon; title: string; help?: string; action?: ReactNode };
  children: ReactNode;
}

/** A list, or why there is none: loading, failed with a way to try again, or empty with what to do next. */
export function ListState({ query, count, empty, children }: ListStateProps) {
  const { t } = useTranslation();
  if (query.error && count === 0) {
    const problem = asProblem(query.error);
    return (
      <div role="alert">
        <EmptyState
          icon={CircleAlert}
          title={problem.offline ? t("problem.offline") : t("problem.list")}
          action={
            <Button look="primary" onClick={() => void query.refetch()}>
              {t("problem.again")}
            </Button>
          }
        >
          {problem.offline ? t("problem.offlineHelp") : problem.message}
        </EmptyState>
      </div>
    );
  }
  if (query.isPending) return <SkeletonRows label={t("ui.loading")} />;
  if (count === 0) {
    return (
      <EmptyState {...(empty.icon ? { icon: empty.icon } : {})} title={empty.title} action={empty.action}>
        {empty.help}
      </EmptyState>
    );
  }
  return children;
}

/** The button that brings the next page. */
export function MoreButton({ pages }: { pages: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown } }) {
  const { t } = useTranslation();
  if (!pages.hasNextPage) return null;
  return (
    <div className="border-t border-line p-3 text-center">
      <Button size="sm" busy={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
        {t("ui.more")}
      </Button>
    </div>
  );
}
