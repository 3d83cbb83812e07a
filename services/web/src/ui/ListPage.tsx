import { Button } from "@mantine/core";
import { type Icon, IconPlus } from "@tabler/icons-react";
import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { EmptyState } from "./EmptyState.tsx";
import { PagedPanel, usePages } from "./LoadMore.tsx";
import { PageHeader, TableWrap } from "./Page.tsx";

interface Props<T> {
  title: string;
  lead: string;
  queryKey: QueryKey;
  read: (pageToken: string) => Promise<{ rows: readonly T[]; next: string }>;
  icon: Icon;
  emptyTitle: string;
  emptyBody: string;
  /** The button that makes a new one. */
  add?: { label: string; onClick: () => void; testId: string } | false;
  /** What stands between the heading and the list. */
  note?: ReactNode;
  children: (rows: readonly T[]) => ReactNode;
}

/** The shape most admin pages share: what it is for, a button to add, the list or what to do when there is none. */
export function ListPage<T>(props: Props<T>) {
  const { query, rows } = usePages(props.queryKey, props.read);
  const add = props.add && (
    <Button
      leftSection={<IconPlus size={17} aria-hidden />}
      onClick={props.add.onClick}
      data-testid={props.add.testId}
    >
      {props.add.label}
    </Button>
  );
  return (
    <>
      <PageHeader title={props.title} subtitle={props.lead} actions={add} />
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
        {(shown) => <TableWrap label={props.title}>{props.children(shown)}</TableWrap>}
      </PagedPanel>
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
