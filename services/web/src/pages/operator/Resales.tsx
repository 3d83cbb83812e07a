import { Button, Group } from "@mantine/core";
import { IconBuildingStore, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { Resale, TenantOverview } from "../../api/types.ts";
import { formatDate } from "../../format/dates.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { SelectField } from "../../ui/fields.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { PageHeader, Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { PriceLists, usePriceLists } from "../admin/clients/PriceLists.tsx";
import watch from "../watch/watch.module.css";

/** Who resells whom, and the wholesale lists resellers are billed by. */
export default function Resales() {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefresh("resales");
  const tenants = useTenants();
  const lists = usePriceLists().data?.priceLists ?? [];
  const { data, error, refetch } = useQuery({
    queryKey: ["resales"],
    queryFn: () => ask(api.GET("/v1/operator/resales")),
  });
  const [adding, setAdding] = useState(false);
  const [ending, setEnding] = useState<Resale>();
  const nameOf = (id: string | undefined) =>
    tenants.find((each) => each.tenant?.tenantId === id)?.tenant?.displayName ?? id ?? "";
  const rows = data?.resales ?? [];
  const end = () => {
    const body = { resale: { tenantId: ending?.tenantId }, version: ending?.version };
    return ask(api.POST("/v1/operator/resales:set", { body })).finally(refresh);
  };
  return (
    <>
      <PageHeader
        title={t("resale.tab")}
        subtitle={t("resale.operatorLead")}
        actions={
          <Button
            leftSection={<IconPlus size={17} aria-hidden />}
            disabled={lists.length === 0}
            onClick={() => setAdding(true)}
            data-testid="resale-add"
          >
            {t("resale.add")}
          </Button>
        }
      />
      <div className={watch.stack}>
        {error && <ProblemNote problem={error} onRetry={() => void refetch()} />}
        {!data && !error && <Loading />}
        {data && rows.length === 0 && (
          <Panel>
            <EmptyState icon={IconBuildingStore} title={t("resale.none")}>
              {t("resale.noneBody")}
            </EmptyState>
          </Panel>
        )}
        {rows.length > 0 && (
          <Panel flush>
            <DataTable
              label={t("resale.tab")}
              rows={rows}
              keyOf={(row) => row.tenantId ?? ""}
              columns={[
                { head: t("resale.company"), cell: (row) => <bdi>{nameOf(row.tenantId)}</bdi> },
                { head: t("resale.reseller"), cell: (row) => <bdi>{nameOf(row.resellerId)}</bdi> },
                {
                  head: t("resale.wholesale"),
                  cell: (row) => (
                    <bdi>
                      {lists.find((each) => each.priceListId === row.wholesalePriceListId)?.name ??
                        row.wholesalePriceListId}
                    </bdi>
                  ),
                },
                { head: t("resale.since"), cell: (row) => formatDate(row.startTime, language) },
                {
                  head: t("common.actions"),
                  quiet: true,
                  cell: (row) => (
                    <Group justify="flex-end">
                      <Button
                        size="compact-sm"
                        variant="default"
                        aria-label={`${t("resale.end")}: ${nameOf(row.tenantId)}`}
                        onClick={() => setEnding(row)}
                      >
                        {t("resale.end")}
                      </Button>
                    </Group>
                  ),
                },
              ]}
            />
          </Panel>
        )}
        <PriceLists />
      </div>
      {adding && <ResaleForm tenants={tenants} onClose={() => setAdding(false)} />}
      <Confirm
        opened={ending !== undefined}
        title={t("resale.endTitle", { name: nameOf(ending?.tenantId) })}
        body={t("resale.endBody")}
        confirm={t("resale.end")}
        onClose={() => setEnding(undefined)}
        onConfirm={end}
      />
    </>
  );
}

function useTenants(): readonly TenantOverview[] {
  const { data } = useQuery({
    queryKey: ["operatorTenants", "names"],
    queryFn: () => ask(api.GET("/v1/operator/tenants", { params: { query: { pageSize: 200 } } })),
  });
  return data?.tenants ?? [];
}

function ResaleForm({ tenants, onClose }: { tenants: readonly TenantOverview[]; onClose: () => void }) {
  const t = useText();
  const refresh = useRefresh("resales");
  const lists = usePriceLists().data?.priceLists ?? [];
  const [values, setValues] = useState<Resale>({ wholesalePriceListId: lists[0]?.priceListId });
  const named = tenants.map((each) => ({
    value: each.tenant?.tenantId ?? "",
    label: each.tenant?.displayName ?? "",
  }));
  const save = () => ask(api.POST("/v1/operator/resales:set", { body: { resale: values } })).finally(refresh);
  return (
    <FormModal
      title={t("resale.add")}
      onClose={onClose}
      onSave={save}
      saveDisabled={!values.tenantId || !values.resellerId}
      testId="resale"
    >
      <SelectField
        label={t("resale.company")}
        required
        searchable
        data={named}
        value={values.tenantId ?? null}
        onChange={(tenantId) => setValues({ ...values, tenantId: tenantId ?? undefined })}
      />
      <SelectField
        label={t("resale.reseller")}
        required
        searchable
        data={named.filter((each) => each.value !== values.tenantId)}
        value={values.resellerId ?? null}
        onChange={(resellerId) => setValues({ ...values, resellerId: resellerId ?? undefined })}
      />
      <SelectField
        label={t("resale.wholesale")}
        required
        data={lists.map((each) => ({ value: each.priceListId ?? "", label: each.name ?? "" }))}
        value={values.wholesalePriceListId ?? null}
        onChange={(id) => setValues({ ...values, wholesalePriceListId: id ?? undefined })}
      />
    </FormModal>
  );
}
