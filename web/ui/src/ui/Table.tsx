import type { ReactNode, Ref } from "react";
import { cx } from "@/lib/cx";

export interface Column<T> {
  key: string;
  title: ReactNode;
  cell: (row: T) => ReactNode;
  /** Left out on narrow screens. */
  from?: "sm" | "md" | "lg" | "xl";
  className?: string;
}

const FROM = { sm: "hidden sm:table-cell", md: "hidden md:table-cell", lg: "hidden lg:table-cell", xl: "hidden xl:table-cell" } as const;

interface TableProps<T> {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  id: (row: T) => string;
  /** Shown below a row. */
  detail?: (row: T) => ReactNode;
  muted?: (row: T) => boolean;
  /** For keys that move through the rows. */
  box?: Ref<HTMLDivElement>;
}

/** Rows of like things. The first column names the row. */
export function Table<T>({ label, columns, rows, id, detail, muted, box }: TableProps<T>) {
  return (
    <div ref={box} className="overflow-x-auto" role="region" aria-label={label} tabIndex={0}>
      <table className="w-full border-collapse text-left">
        <caption className="sr-only">{label}</caption>
        <thead>
          <tr className="border-b border-line">
            {columns.map((column) => (
              <th key={column.key} scope="col" className={cx("px-3 py-2 text-xs font-semibold whitespace-nowrap text-ink-3 first:pl-4 last:pr-4", column.from && FROM[column.from], column.className?.includes("text-right") && "text-right")}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const below = detail?.(row);
            return [
              <tr key={id(row)} data-row className={cx("border-b border-line last:border-0 hover:bg-sunken/60", muted?.(row) && "text-ink-3")}>
                {columns.map((column, index) => {
                  const className = cx("px-3 py-2 align-middle font-normal first:pl-4 last:pr-4", column.from && FROM[column.from], column.className);
                  return index === 0 ? (
                    <th key={column.key} scope="row" className={className}>
                      {column.cell(row)}
                    </th>
                  ) : (
                    <td key={column.key} className={className}>
                      {column.cell(row)}
                    </td>
                  );
                })}
              </tr>,
              below ? (
                <tr key={`${id(row)}-detail`} className="border-b border-line bg-sunken/50">
                  <td colSpan={columns.length} className="px-4 py-3">
                    {below}
                  </td>
                </tr>
              ) : null,
            ];
          })}
        </tbody>
      </table>
    </div>
  );
}
