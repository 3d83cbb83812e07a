import { Table } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./ui.module.css";

export interface Column<T> {
  head: string;
  cell: (row: T) => ReactNode;
  /** Its heading is heard, but not seen: for the buttons at a row's end. */
  quiet?: boolean;
  testId?: string;
}

interface Props<T> {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  keyOf: (row: T) => string;
  testId?: (row: T) => string;
  /** Rows below the others: a sum. */
  foot?: ReactNode;
}

/** A list of like things: a table where there is room for its columns, otherwise a card for every row. */
export function DataTable<T>({ label, columns, rows, keyOf, testId, foot }: Props<T>) {
  return (
    <section
      className={classes.tableWrap}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label={label}
      style={{ "--columns": columns.length } as React.CSSProperties}
    >
      {/* Roles are written out: as blocks, the cards' elements would lose them in some browsers. */}
      <Table role="table" className={classes.table}>
        <Table.Thead role="rowgroup">
          <Table.Tr role="row">
            {columns.map((column) => (
              <Table.Th
                key={column.head}
                role="columnheader"
                aria-label={column.quiet ? column.head : undefined}
              >
                {column.quiet ? null : column.head}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody role="rowgroup">
          {rows.map((row) => (
            <Table.Tr role="row" key={keyOf(row)} data-testid={testId?.(row)}>
              {columns.map((column) => (
                <Table.Td
                  key={column.head}
                  role="cell"
                  data-head={column.quiet ? undefined : column.head}
                  data-testid={column.testId}
                >
                  <div>{column.cell(row)}</div>
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
        {foot && <Table.Tfoot role="rowgroup">{foot}</Table.Tfoot>}
      </Table>
    </section>
  );
}
