import { Anchor, Button, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconDownload, IconListNumbers, IconPlus, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask } from "../../../api/client.ts";
import type { NumberList, NumberListEntry } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { Confirm } from "../../../ui/Confirm.tsx";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Loading, PagedPanel, usePages } from "../../../ui/LoadMore.tsx";
import { PageHeader, Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { RowActions } from "../../../ui/RowActions.tsx";
import { DateTime } from "../../../ui/Time.tsx";
import { EntryForm } from "./EntryForm.tsx";
import { exportList } from "./exporting.ts";
import { ImportEntries } from "./ImportEntries.tsx";
import classes from "./lists.module.css";

/** One list: who is in it, and which flows ask for it. */
export function NumberListPage({ numberListId }: { numberListId: string }) {
  const query = useQuery({
    queryKey: ["numberLists", numberListId],
    queryFn: (): Promise<NumberList> =>
      ask(api.GET("/v1/numberLists/{numberListId}", { params: { path: { numberListId } } })),
  });
  if (query.isPending) return <Loading />;
  if (!query.data) return <ProblemNote problem={query.error} onRetry={() => void query.refetch()} />;
  return <ListOf list={query.data} />;
}

function ListOf({ list }: { list: NumberList }) {
  const t = useText();
  const language = useLanguage();
  const numberListId = list.numberListId ?? "";
  const refresh = useRefresh("numberLists", "numberListEntries");
  const [search, setSearch] = useState("");
  const [query] = useDebouncedValue(search.trim(), 300);
  const [importing, setImporting] = useState(false);
  const [editing, setEditing] = useState<NumberListEntry>();
  const [removing, setRemoving] = useState<NumberListEntry>();
  const [problem, setProblem] = useState<unknown>();
  const { query: pages, rows } = usePages(["numberListEntries", numberListId, query], async (pageToken) => {
    const answer = await ask(
      api.GET("/v1/numberLists/{numberListId}/entries", {
        params: { path: { numberListId }, query: { query, pageSize: 50, pageToken } },
      }),
    );
    return { rows: answer.entries ?? [], next: answer.nextPageToken ?? "" };
  });
  const remove = async (pattern: string) => {
    await ask(
      api.POST("/v1/numberLists/{numberListId}/entries:delete", {
        params: { path: { numberListId } },
        body: { patterns: [pattern] },
      }),
    );
    await refresh();
  };
  return (
    <>
      <Anchor component={Link} href="/admin/number-lists" size="sm">
        {t("numberLists.back")}
      </Anchor>
      <PageHeader
        title={list.displayName ?? ""}
        subtitle={
          <>
            {list.description && <bdi>{list.description}</bdi>} <code dir="ltr">{list.key}</code>{" "}
            <span data-testid="entry-count">
              {t("numberLists.count")}: {formatNumber(list.entryCount ?? 0, language)}
            </span>
          </>
        }
        actions={
          <>
            <Button
              variant="default"
              leftSection={<IconDownload size={16} aria-hidden />}
              disabled={!list.entryCount}
              onClick={() => void exportList(list).catch(setProblem)}
              data-testid="entries-export"
            >
              {t("numberLists.export")}
            </Button>
            <Button
              leftSection={<IconPlus size={17} aria-hidden />}
              onClick={() => setImporting(true)}
              data-testid="entries-import"
            >
              {t("numberLists.import")}
            </Button>
          </>
        }
      />
      <ProblemNote problem={problem} onClose={() => setProblem(undefined)} />
      <Uses list={list} />
      <TextInput
        className={classes.search}
        label={t("numberLists.search")}
        leftSection={<IconSearch size={16} aria-hidden />}
        maxLength={200}
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
        data-testid="entries-search"
      />
      <PagedPanel
        query={pages}
        rows={rows}
        empty={
          <EmptyState
            icon={IconListNumbers}
            title={query ? t("numberLists.notFound") : t("numberLists.empty")}
          >
            {query ? t("numberLists.notFoundBody", { query }) : t("numberLists.emptyBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable
            label={list.displayName ?? ""}
            rows={shown}
            keyOf={(row) => row.pattern ?? ""}
            testId={(row) => `entry-${row.pattern}`}
            columns={[
              { head: t("numberLists.number"), cell: (row) => <Pattern pattern={row.pattern ?? ""} /> },
              { head: t("numberLists.label"), cell: (row) => <bdi>{row.label || "–"}</bdi> },
              { head: t("numberLists.notes"), cell: (row) => <bdi>{row.notes || "–"}</bdi> },
              { head: t("numberLists.added"), cell: (row) => <DateTime value={row.createTime} /> },
              {
                head: t("common.actions"),
                quiet: true,
                cell: (row) => (
                  <RowActions
                    name={`\u2066${row.pattern ?? ""}\u2069`}
                    testId={`entry-${row.pattern}`}
                    onEdit={() => setEditing(row)}
                    onDelete={() => setRemoving(row)}
                  />
                ),
              },
            ]}
          />
        )}
      </PagedPanel>
      {importing && <ImportEntries list={list} onClose={() => setImporting(false)} onDone={refresh} />}
      {editing && (
        <EntryForm
          numberListId={numberListId}
          entry={editing}
          onClose={() => setEditing(undefined)}
          onSaved={refresh}
        />
      )}
      <Confirm
        opened={removing !== undefined}
        title={t("numberLists.entryDelete", { number: `\u2066${removing?.pattern ?? ""}\u2069` })}
        body={t("numberLists.entryDeleteBody")}
        confirm={t("common.remove")}
        onClose={() => setRemoving(undefined)}
        onConfirm={() => remove(removing?.pattern ?? "")}
      />
    </>
  );
}

/** A number, or a beginning and what that means. */
function Pattern({ pattern }: { pattern: string }) {
  const t = useText();
  return (
    <>
      <span className="m-ltr m-figures">{pattern}</span>
      {pattern.endsWith("*") && <> {t("numberLists.prefix")}</>}
    </>
  );
}

function Uses({ list }: { list: NumberList }) {
  const t = useText();
  const uses = list.uses ?? [];
  return (
    <Panel label={t("numberLists.usedBy")} style={{ marginBlockEnd: 14 }} testId="list-uses">
      {uses.length === 0 ? (
        t("numberLists.usedByNone", { key: list.key ?? "" })
      ) : (
        <>
          {t("numberLists.usedBy")}
          <ul className={classes.uses}>
            {uses.map((use) => (
              <li key={use.flowId}>
                <Anchor component={Link} href={`/admin/flows/${use.flowId}`}>
                  <bdi>{use.flowName}</bdi>
                </Anchor>{" "}
                (<bdi>{(use.stepIds ?? []).join(", ")}</bdi>)
              </li>
            ))}
          </ul>
        </>
      )}
    </Panel>
  );
}
