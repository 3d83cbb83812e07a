import { Button, Skeleton } from "@mantine/core";
import { type QueryKey, useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useText } from "../i18n/index.ts";
import { Panel } from "./Page.tsx";
import { ProblemNote } from "./ProblemNote.tsx";
import classes from "./ui.module.css";

interface Page<T> {
  rows: readonly T[];
  next: string;
}

/** A list that the API gives page by page. `read` gets the page's token, empty for the first. */
export function usePages<T>(
  key: QueryKey,
  read: (pageToken: string) => Promise<Page<T>>,
  refetchMs?: number,
) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => read(pageParam),
    initialPageParam: "",
    getNextPageParam: (last) => last.next || undefined,
    refetchInterval: refetchMs,
  });
  return { query, rows: query.data?.pages.flatMap((page) => page.rows) ?? [] };
}

type Query = ReturnType<typeof usePages>["query"];

interface ListProps<T> {
  query: Query;
  rows: readonly T[];
  empty: ReactNode;
  children: (rows: readonly T[]) => ReactNode;
}

/** The four faces of a list: loading, failed, empty, rows with a button for more. */
export function PagedPanel<T>({ query, rows, empty, children }: ListProps<T>) {
  const t = useText();
  if (query.isPending) return <Loading />;
  if (query.isError && rows.length === 0) {
    return <ProblemNote problem={query.error} onRetry={() => void query.refetch()} />;
  }
  if (rows.length === 0) return <Panel>{empty}</Panel>;
  return (
    <Panel flush>
      {children(rows)}
      {query.hasNextPage && (
        <div className={classes.more}>
          <Button
            variant="default"
            loading={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
            data-testid="load-more"
          >
            {t("common.loadMore")}
          </Button>
        </div>
      )}
    </Panel>
  );
}

export function Loading() {
  const t = useText();
  return (
    <Panel>
      <div role="status" aria-label={t("common.loading")}>
        {[72, 90, 60].map((width) => (
          <Skeleton key={width} height={16} width={`${width}%`} my={12} radius="sm" />
        ))}
      </div>
    </Panel>
  );
}
