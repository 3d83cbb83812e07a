import { Anchor, Button, Group } from "@mantine/core";
import { IconArrowsExchange, IconPlus } from "@tabler/icons-react";
import { Link } from "wouter";
import { api, ask } from "../../../api/client.ts";
import { useNames } from "../../../api/names.ts";
import type { PortOrder } from "../../../api/types.ts";
import { formatDate } from "../../../format/dates.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { PagedPanel, usePages } from "../../../ui/LoadMore.tsx";
import { Tag } from "../../../ui/Note.tsx";
import { PageHeader } from "../../../ui/Page.tsx";
import { DateTime } from "../../../ui/Time.tsx";
import { PortOuts } from "./PortOuts.tsx";
import { channelName, numbersInShort, stateName, toneOf } from "./states.ts";

const REFETCH_MS = 10_000;

/** Numbers that come from other carriers, and those other carriers ask for. */
export function PortOrdersPage() {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const { query, rows } = usePages<PortOrder>(
    ["portOrders"],
    async (pageToken) => {
      const answer = await ask(api.GET("/v1/portOrders", { params: { query: { pageToken } } }));
      return { rows: answer.orders ?? [], next: answer.nextPageToken ?? "" };
    },
    REFETCH_MS,
  );
  return (
    <>
      <PageHeader
        title={t("porting.title")}
        subtitle={
          <>
            {t("porting.lead")}{" "}
            <Anchor component={Link} href="/admin/numbers" underline="always">
              {t("nav.numbers")}
            </Anchor>
          </>
        }
        actions={
          <Button
            component={Link}
            href="/admin/numbers/porting/new"
            leftSection={<IconPlus size={17} aria-hidden />}
            data-testid="port-add"
          >
            {t("porting.add")}
          </Button>
        }
      />
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState icon={IconArrowsExchange} title={t("porting.none")}>
            {t("porting.noneBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable
            label={t("porting.title")}
            rows={shown}
            keyOf={(row) => row.portOrderId ?? ""}
            testId={(row) => `port-${row.portOrderId}`}
            columns={[
              {
                head: t("porting.numbers"),
                cell: (row) => (
                  <Anchor component={Link} href={`/admin/numbers/porting/${row.portOrderId}`}>
                    <span className="m-ltr m-figures">{numbersInShort(row)}</span>
                  </Anchor>
                ),
              },
              { head: t("desktop.brand"), cell: (row) => <bdi>{names.brand(row.brandId)}</bdi> },
              {
                head: t("porting.state"),
                cell: (row) => (
                  <Group gap={6}>
                    {(row.lanes ?? []).map((lane) => (
                      <Tag key={lane.channel} tone={toneOf(lane.state)}>
                        {channelName(lane)}: {stateName(lane.state)}
                      </Tag>
                    ))}
                  </Group>
                ),
              },
              {
                head: t("porting.date"),
                cell: (row) => (row.wantedDate ? formatDate(row.wantedDate, language, "UTC") : "–"),
              },
              { head: t("porting.changed"), cell: (row) => <DateTime value={row.updateTime} /> },
            ]}
          />
        )}
      </PagedPanel>
      <PortOuts />
    </>
  );
}
