import { Button, Group, Select } from "@mantine/core";
import { IconHash, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { InventoryNumber, InventoryState } from "../../api/types.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { Tag, type Tone } from "../../ui/Note.tsx";
import { PageHeader } from "../../ui/Page.tsx";
import { DateTime } from "../../ui/Time.tsx";
import { carries, typeName } from "../admin/numbers/kinds.ts";
import { EVERYTHING, type Looked, NumberFilters, queryOf } from "../admin/numbers/NumberFilters.tsx";
import { ImportStock } from "./ImportStock.tsx";
import { NumberHistory, QuarantineForm, StockForm } from "./StockForms.tsx";

const STATES: readonly InventoryState[] = [
  "INVENTORY_STATE_FREE",
  "INVENTORY_STATE_HELD",
  "INVENTORY_STATE_ASSIGNED",
  "INVENTORY_STATE_QUARANTINE",
];
const TONES: Partial<Record<InventoryState, Tone>> = {
  INVENTORY_STATE_FREE: "good",
  INVENTORY_STATE_HELD: "info",
  INVENTORY_STATE_QUARANTINE: "warn",
};

type Doing = { what: "edit" | "quarantine" | "history"; number: InventoryNumber };

/** Every number of this installation: who holds it, who did, what it is, and for how long it rests. */
export default function Inventory() {
  const t = useText();
  const refresh = useRefresh("inventory", "numberHistory");
  const [looked, setLooked] = useState<Looked>(EVERYTHING);
  const [state, setState] = useState<InventoryState>();
  const [importing, setImporting] = useState(false);
  const [doing, setDoing] = useState<Doing>();
  const { query, rows } = usePages<InventoryNumber>(["inventory", looked, state], async (pageToken) => {
    const asked = { ...queryOf(looked), ...(state && { state }), pageToken };
    const answer = await ask(api.GET("/v1/operator/inventory", { params: { query: asked } }));
    return { rows: answer.numbers ?? [], next: answer.nextPageToken ?? "" };
  });
  const button = (what: Doing["what"], number: InventoryNumber) => (
    <Button
      size="compact-sm"
      variant="default"
      onClick={() => setDoing({ what, number })}
      aria-label={`${t(`inventory.${what}`)}: ${number.number}`}
      data-testid={`stock-${number.number}-${what}`}
    >
      {t(`inventory.${what}`)}
    </Button>
  );
  return (
    <>
      <PageHeader
        title={t("inventory.title")}
        subtitle={t("inventory.lead")}
        actions={
          <Button
            leftSection={<IconPlus size={17} aria-hidden />}
            onClick={() => setImporting(true)}
            data-testid="stock-add"
          >
            {t("inventory.add")}
          </Button>
        }
      />
      <NumberFilters value={looked} onChange={setLooked} testId="stock-search" />
      <Select
        my="sm"
        maw={240}
        label={t("operator.state")}
        clearable
        clearButtonProps={{ "aria-label": t("common.remove") }}
        data={STATES.map((value) => ({ value, label: stateName(value) }))}
        value={state ?? null}
        onChange={(value) => setState((value ?? undefined) as InventoryState | undefined)}
        data-testid="stock-state"
      />
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState icon={IconHash} title={t("inventory.none")}>
            {t("inventory.noneBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable
            label={t("inventory.title")}
            rows={shown}
            keyOf={(row) => row.number ?? ""}
            testId={(row) => `stock-${row.number}`}
            columns={[
              {
                head: t("setUp.number.pick"),
                cell: (row) => (
                  <>
                    <span className="m-ltr m-figures">{row.number}</span>{" "}
                    {row.test && <Tag>{t("admin.numbers.test")}</Tag>}
                  </>
                ),
              },
              {
                head: t("numberSearch.type"),
                cell: (row) => (
                  <>
                    {typeName(row.type)}
                    <div style={{ fontSize: "0.85rem", color: "var(--m-muted)" }}>
                      {carries(row.capabilities, t)}
                      {row.emergencyCapable && ` · ${t("inventory.emergencyShort")}`}
                    </div>
                  </>
                ),
              },
              { head: t("inventory.priceClass"), cell: (row) => <bdi>{row.priceClass}</bdi> },
              {
                head: t("operator.state"),
                cell: (row) => (
                  <>
                    <Tag tone={(row.state && TONES[row.state]) ?? "neutral"}>{stateName(row.state)}</Tag>
                    {row.keptUntilTime && (
                      <div style={{ fontSize: "0.85rem" }}>
                        {t("numberSearch.until")} <DateTime value={row.keptUntilTime} />
                      </div>
                    )}
                  </>
                ),
              },
              { head: t("operator.numbers.company"), cell: (row) => <bdi>{row.tenantName || "–"}</bdi> },
              {
                head: t("common.actions"),
                quiet: true,
                cell: (row) => (
                  <Group gap={6}>
                    {button("edit", row)}
                    {button("history", row)}
                    {row.state === "INVENTORY_STATE_QUARANTINE" && button("quarantine", row)}
                  </Group>
                ),
              },
            ]}
          />
        )}
      </PagedPanel>
      {importing && <ImportStock onClose={() => setImporting(false)} onDone={refresh} />}
      {doing?.what === "edit" && (
        <StockForm number={doing.number} onClose={() => setDoing(undefined)} onDone={refresh} />
      )}
      {doing?.what === "quarantine" && (
        <QuarantineForm number={doing.number} onClose={() => setDoing(undefined)} onDone={refresh} />
      )}
      {doing?.what === "history" && (
        <NumberHistory number={doing.number.number ?? ""} onClose={() => setDoing(undefined)} />
      )}
    </>
  );
}

function stateName(state: InventoryState | undefined): string {
  return textOr("inventoryState", (state ?? "").replace("INVENTORY_STATE_", ""));
}
