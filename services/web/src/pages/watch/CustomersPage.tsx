import { Anchor, Table, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconAddressBook, IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask } from "../../api/client.ts";
import { useNames } from "../../api/names.ts";
import { useText } from "../../i18n/index.ts";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { PageHeader, TableWrap } from "../../ui/Page.tsx";
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
          <TableWrap label={t("nav.customers")}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t("common.name")}</Table.Th>
                  <Table.Th>{t("watch.numbers")}</Table.Th>
                  <Table.Th>{t("desktop.brand")}</Table.Th>
                  <Table.Th>{t("watch.since")}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {shown.map((customer) => (
                  <Table.Tr key={customer.customerId} data-testid={`customer-${customer.customerId}`}>
                    <Table.Td>
                      <Anchor component={Link} href={`/customers/${customer.customerId}`}>
                        <bdi>{customer.displayName || t("common.anonymous")}</bdi>
                      </Anchor>
                    </Table.Td>
                    <Table.Td>
                      <span className="m-ltr">{(customer.numbers ?? []).join(", ") || "–"}</span>
                    </Table.Td>
                    <Table.Td>
                      <bdi>{names.brand(customer.brandId)}</bdi>
                    </Table.Td>
                    <Table.Td>
                      <DateTime value={customer.createTime} />
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </TableWrap>
        )}
      </PagedPanel>
    </>
  );
}
