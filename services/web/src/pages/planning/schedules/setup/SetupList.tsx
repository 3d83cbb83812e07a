import { Button } from "@mantine/core";
import { type Icon, IconPlus } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { useText } from "../../../../i18n/index.ts";
import { Confirm } from "../../../../ui/Confirm.tsx";
import { type Column, DataTable } from "../../../../ui/DataTable.tsx";
import { EmptyState } from "../../../../ui/EmptyState.tsx";
import { Loading } from "../../../../ui/LoadMore.tsx";
import { Panel } from "../../../../ui/Page.tsx";
import { ProblemNote } from "../../../../ui/ProblemNote.tsx";
import { RowActions } from "../../../../ui/RowActions.tsx";
import planning from "../../planning.module.css";

interface Props<T> {
  noun: string;
  title: string;
  lead: string;
  icon: Icon;
  rows: readonly T[] | undefined;
  error: unknown;
  onRetry: () => void;
  columns: readonly Column<T>[];
  idOf: (row: T) => string;
  nameOf: (row: T) => string;
  mayChange: boolean;
  addLabel: string;
  /** Nothing can be added before something else is there; this says what. */
  missing?: string | undefined;
  filters?: ReactNode;
  /** Without it, rows can only be added and removed. */
  editable?: boolean;
  remove: (id: string) => Promise<unknown>;
  removeBody: string;
  /** The form of a row, or of a new one. */
  form: (row: T | undefined, onClose: () => void) => ReactNode;
}

/** One of the things schedules are made by: what there is, adding, changing, removing. */
export function SetupList<T>(props: Props<T>) {
  const t = useText();
  const { rows, noun, mayChange, idOf, nameOf } = props;
  const [open, setOpen] = useState<{ row: T | undefined }>();
  const [removing, setRemoving] = useState<T>();
  const add = mayChange && (
    <Button
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() => setOpen({ row: undefined })}
      disabled={props.missing !== undefined}
      data-testid={`${noun}-add`}
    >
      {props.addLabel}
    </Button>
  );
  const actions: Column<T> = {
    head: t("common.actions"),
    quiet: true,
    cell: (row) => (
      <RowActions
        name={nameOf(row)}
        testId={`${noun}-${idOf(row)}`}
        onEdit={props.editable === false ? undefined : () => setOpen({ row })}
        onDelete={() => setRemoving(row)}
      />
    ),
  };
  return (
    <div className={planning.stack}>
      <div className={planning.head}>
        <p className={planning.lead} style={{ marginBlockEnd: 0 }}>
          {props.lead}
        </p>
        {rows && rows.length > 0 && add}
      </div>
      {props.filters}
      <ProblemNote problem={props.error} onRetry={props.onRetry} />
      {!rows && !props.error && <Loading />}
      {rows && rows.length === 0 && (
        <Panel>
          <EmptyState icon={props.icon} title={props.title} action={add}>
            {props.missing ?? t("schedules.setupNone")}
          </EmptyState>
        </Panel>
      )}
      {rows && rows.length > 0 && (
        <Panel label={props.title} flush>
          <DataTable<T>
            label={props.title}
            rows={rows}
            keyOf={idOf}
            testId={(row) => `${noun}-${idOf(row)}`}
            columns={mayChange ? [...props.columns, actions] : props.columns}
          />
        </Panel>
      )}
      {open && props.form(open.row, () => setOpen(undefined))}
      <Confirm
        opened={removing !== undefined}
        title={`${t("common.delete")}: ${removing === undefined ? "" : nameOf(removing)}`}
        body={props.removeBody}
        confirm={t("common.delete")}
        onConfirm={async () => removing !== undefined && (await props.remove(idOf(removing)))}
        onClose={() => setRemoving(undefined)}
      />
    </div>
  );
}
