import { Button, NumberInput, SimpleGrid } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { PriceList } from "../../../api/types.ts";
import { formatMoney, formatNumber, formatPercent } from "../../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { TextField } from "../../../ui/fields.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import watch from "../../watch/watch.module.css";

/** Meters whose unit people know well enough to price by it. */
const METERS = [
  "voice_inbound_minute",
  "voice_outbound_minute",
  "number_month",
  "recording_storage_gb_month",
  "message",
] as const;

export function usePriceLists() {
  return useQuery({ queryKey: ["priceLists"], queryFn: () => ask(api.GET("/v1/priceLists")) });
}

/** What clients pay for usage: the newest version of each list. */
export function PriceLists() {
  const t = useText();
  const language = useLanguage();
  const { data, error, refetch } = usePriceLists();
  const [editing, setEditing] = useState<PriceList>();
  const rows = data?.priceLists ?? [];
  return (
    <section aria-label={t("clients.lists")} data-testid="price-lists">
      <h2 className={watch.title} style={{ marginBottom: 2 }}>
        {t("clients.lists")}
      </h2>
      <p className={watch.faint} style={{ margin: "0 0 12px" }}>
        {t("clients.listsHint")}
      </p>
      {error && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {rows.length > 0 && (
        <Panel flush>
          <DataTable
            label={t("clients.lists")}
            rows={rows}
            keyOf={(row) => row.priceListId ?? ""}
            columns={[
              { head: t("clients.listName"), cell: (row) => <bdi>{row.name}</bdi> },
              {
                head: t("clients.fee"),
                cell: (row) =>
                  row.periodFee ? formatMoney(row.periodFee, row.currency ?? "", language) : "–",
              },
              {
                head: t("clients.markup"),
                cell: (row) => (
                  <bdi className="m-figures">{formatPercent(markupOf(row) || "0", language)}</bdi>
                ),
              },
              {
                head: t("common.actions"),
                quiet: true,
                cell: (row) => {
                  const next = t("clients.version", {
                    version: formatNumber((row.version ?? 0) + 1, language),
                  });
                  return (
                    <Button
                      size="compact-sm"
                      variant="default"
                      aria-label={`${next}: ${row.name ?? ""}`}
                      onClick={() => setEditing(row)}
                    >
                      {next}
                    </Button>
                  );
                },
              },
            ]}
          />
        </Panel>
      )}
      <Button
        mt="sm"
        variant="default"
        leftSection={<IconPlus size={16} aria-hidden />}
        onClick={() => setEditing({ currency: "EUR" })}
        data-testid="price-list-add"
      >
        {t("clients.newList")}
      </Button>
      {editing && <ListForm list={editing} onClose={() => setEditing(undefined)} />}
    </section>
  );
}

function markupOf(list: PriceList): string | undefined {
  return list.rules?.find((rule) => !rule.meter)?.markupPercent;
}

function ListForm({ list, onClose }: { list: PriceList; onClose: () => void }) {
  const t = useText();
  const refresh = useRefresh("priceLists", "brandStatements");
  const [name, setName] = useState(list.name ?? "");
  const [currency, setCurrency] = useState(list.currency ?? "EUR");
  const [fee, setFee] = useState(list.periodFee ?? "");
  const [markup, setMarkup] = useState(markupOf(list) ?? "20");
  const others = (list.rules ?? []).filter(
    (rule) => rule.meter && !(METERS as readonly string[]).includes(rule.meter),
  );
  const [prices, setPrices] = useState<Record<string, string>>(
    Object.fromEntries((list.rules ?? []).map((rule) => [rule.meter ?? "", rule.unitPrice ?? ""])),
  );
  const [requestId] = useState(newRequestId);
  const save = () => {
    const own = METERS.filter((meter) => prices[meter]).map((meter) => ({ meter, unitPrice: prices[meter] }));
    const priceList = {
      priceListId: list.priceListId,
      name,
      currency,
      periodFee: fee,
      rules: [{ markupPercent: markup || "0" }, ...own, ...others],
    };
    return ask(api.POST("/v1/priceLists", { body: { requestId, priceList, version: list.version } })).finally(
      refresh,
    );
  };
  return (
    <FormModal
      title={list.name ? t("clients.editList", { name: list.name }) : t("clients.newList")}
      onClose={onClose}
      onSave={save}
      testId="price-list"
    >
      <TextField
        label={t("clients.listName")}
        required
        maxLength={120}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-testid="price-list-name"
      />
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <TextField
          label={t("clients.currency")}
          required
          maxLength={3}
          value={currency}
          onChange={(event) => setCurrency(event.currentTarget.value.toUpperCase())}
        />
        <NumberInput
          label={t("clients.fee")}
          min={0}
          decimalScale={4}
          value={fee}
          onChange={(value) => setFee(String(value))}
        />
      </SimpleGrid>
      <NumberInput
        label={t("clients.markup")}
        description={t("clients.markupHint")}
        min={-100}
        max={1000}
        decimalScale={6}
        value={markup}
        onChange={(value) => setMarkup(String(value))}
        data-testid="price-list-markup"
      />
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        {METERS.map((meter) => (
          <NumberInput
            key={meter}
            label={t("clients.own", { meter: textOr("meter", meter) })}
            min={0}
            decimalScale={8}
            value={prices[meter] ?? ""}
            onChange={(value) => setPrices({ ...prices, [meter]: String(value) })}
          />
        ))}
      </SimpleGrid>
    </FormModal>
  );
}
