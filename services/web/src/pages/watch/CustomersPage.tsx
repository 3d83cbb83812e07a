import { Anchor, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconAddressBook, IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask } from "../../api/client.ts";
import { useNames } from "../../api/names.ts";
import { useText } from "../../i18n/index.ts";
import { DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { PageHeader } from "../../ui/Page.tsx";
import { DateTime } from "../../ui/Time.tsx";
import classes from "./watch.module.css";

export default function CustomersPage() {
  const t = useText();
  const names = useNames();
  const [typed, setTyped] = useState("");
  const [wanted] = useDebouncedValue(typed.trim(), 300);
  const { query, rows } = usePages(["customers", wanted], async (pageToken) => {
    const answer = await ask(
      api.GET("/v1/customers", {
        params: { query: { pageSize: 50, pageToken, query: wanted || undefined } },
      }),
    );
    return { rows: answer.customers ?? [], next: answer.nextPageToken ?? "" };
  });
  return (
    <>
      <PageHeader title={t("nav.customers")} subtitle={t("watch.customers.lead")} />
      <div className={classes.filters}>
        <TextInput
          label={t("common.search")}
          placeholder={t("watch.customers.search")}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          style={{ flex: 1, maxWidth: 420 }}
          data-testid="customers-search"
        />
      </div>
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState
            icon={IconAddressBook}
            title={wanted ? t("watch.nothingFound") : t("watch.customers.none")}
          >
            {wanted ? t("watch.nothingFoundBody") : t("watch.customers.noneBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable
            label={t("nav.customers")}
            rows={shown}
            keyOf={(row) => row.customerId ?? ""}
            testId={(row) => `customer-${row.customerId}`}
            columns={[
              {
                head: t("common.name"),
                cell: (row) => (
                  <Anchor component={Link} href={`/customers/${row.customerId}`}>
                    <bdi>{row.displayName || t("common.anonymous")}</bdi>
                  </Anchor>
                ),
              },
              {
                head: t("watch.numbers"),
                cell: (row) => <span className="m-ltr">{(row.numbers ?? []).join(", ") || "–"}</span>,
              },
              { head: t("desktop.brand"), cell: (row) => <bdi>{names.brand(row.brandId)}</bdi> },
              { head: t("watch.since"), cell: (row) => <DateTime value={row.createTime} /> },
            ]}
          />
        )}
      </PagedPanel>
    </>
  );
}
