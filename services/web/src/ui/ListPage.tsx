import { Button, Group } from "@mantine/core";
import { type Icon, IconPlus } from "@tabler/icons-react";
import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useText } from "../i18n/index.ts";
import { Confirm } from "./Confirm.tsx";
import { type Column, DataTable } from "./DataTable.tsx";
import { EmptyState } from "./EmptyState.tsx";
import { PagedPanel, usePages } from "./LoadMore.tsx";
import { PageHeader } from "./Page.tsx";
import { RowActions } from "./RowActions.tsx";

/** How a row is taken away. `label` is a button in words instead of the bin. */
export interface Removal<T> {
  run: (id: string) => Promise<unknown>;
  title?: (name: string) => string;
  body: string | ((name: string) => string);
  label?: string;
  confirm?: string;
  allowed?: (row: T) => boolean;
}

export interface ListPageProps<T> {
  /** What a row is, for test ids: `queue-add`, `queue-<id>`, `queue-<id>-edit`. */
  noun: string;
  title: string;
  lead: string;
  queryKey: QueryKey;
  read: (pageToken: string) => Promise<{ rows: readonly T[]; next: string }>;
  icon: Icon;
  emptyTitle: string;
  emptyBody: string;
  columns: readonly Column<T>[];
  idOf: (row: T) => string | undefined;
  nameOf: (row: T) => string | undefined;
  /** The button that makes a new one. */
  add?: { label: string; onClick: () => void } | false;
  /** Further buttons beside it. */
  more?: ReactNode;
  /** What stands between the heading and the list. */
  note?: ReactNode;
  onEdit?: (row: T) => void;
  remove?: Removal<T>;
}

/** The shape most admin pages share: what it is for, a button to add, the list or what to do when there is none. */
export function ListPage<T>(props: ListPageProps<T>) {
  const t = useText();
  const { noun, remove, onEdit } = props;
  const { query, rows } = usePages(props.queryKey, props.read);
  const [removing, setRemoving] = useState<T>();
  const idOf = (row: T) => props.idOf(row) ?? "";
  const nameOf = (row: T | undefined) => (row === undefined ? "" : (props.nameOf(row) ?? ""));
  const add = props.add && (
    <Button
      leftSection={<IconPlus size={17} aria-hidden />}
      onClick={props.add.onClick}
      data-testid={`${noun}-add`}
    >
      {props.add.label}
    </Button>
  );
  const actions: Column<T> = {
    head: t("common.actions"),
    quiet: true,
    cell: (row) => (
      <RowActions
        name={nameOf(row)}
        testId={`${noun}-${idOf(row)}`}
        onEdit={onEdit && (() => onEdit(row))}
        onDelete={remove && remove.allowed?.(row) !== false ? () => setRemoving(row) : undefined}
        deleteLabel={remove?.label}
      />
    ),
  };
  return (
    <>
      <PageHeader
        title={props.title}
        subtitle={props.lead}
        actions={
          props.more ? (
            <Group gap="xs">
              {props.more}
              {add}
            </Group>
          ) : (
            add
          )
        }
      />
      {props.note}
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState icon={props.icon} title={props.emptyTitle}>
            {props.emptyBody}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable
            label={props.title}
            columns={onEdit || remove ? [...props.columns, actions] : props.columns}
            rows={shown}
            keyOf={idOf}
            testId={(row) => `${noun}-${idOf(row)}`}
          />
        )}
      </PagedPanel>
      {remove && (
        <Confirm
          opened={removing !== undefined}
          title={remove.title?.(nameOf(removing)) ?? t("admin.delete.title", { name: nameOf(removing) })}
          body={typeof remove.body === "string" ? remove.body : remove.body(nameOf(removing))}
          confirm={remove.confirm ?? remove.label ?? t("common.delete")}
          onClose={() => setRemoving(undefined)}
          onConfirm={async () => removing !== undefined && (await remove.run(idOf(removing)))}
        />
      )}
    </>
  );
}

/** Reads lists again after a change. */
export function useRefresh(...nouns: string[]): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    await Promise.all(nouns.map((noun) => queries.invalidateQueries({ queryKey: [noun] })));
  };
}
