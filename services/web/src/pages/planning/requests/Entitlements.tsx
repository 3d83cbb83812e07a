import { NumberInput, Select, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { Contract, TimeOffKind } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { RowActions } from "../../../ui/RowActions.tsx";
import classes from "../../mine/mine.module.css";

type Entitlement = NonNullable<Contract["timeOffEntitlements"]>[number];
const ACCRUALS = ["YEARLY", "MONTHLY"] as const;

/** What each contract gives of each kind in a year. */
export function Entitlements({ mayChange, kinds }: { mayChange: boolean; kinds: readonly TimeOffKind[] }) {
  const t = useText();
  const language = useLanguage();
  const [editing, setEditing] = useState<Contract>();
  const { data } = useQuery({
    queryKey: ["requests", "contracts"],
    queryFn: async () => (await ask(api.GET("/v1/wfm/contracts"))).contracts ?? [],
  });
  if (!data || data.length === 0) return null;
  const given = (contract: Contract) =>
    (contract.timeOffEntitlements ?? [])
      .map((each) => {
        const name = kinds.find((kind) => kind.timeOffKindId === each.timeOffKindId)?.displayName ?? "";
        return `${name}: ${formatNumber(each.yearlyAmount ?? 0, language)}`;
      })
      .join(" · ");
  return (
    <>
      <div className={classes.head}>
        <h2>{t("requests.entitlements")}</h2>
      </div>
      <Panel flush label={t("requests.entitlements")}>
        <DataTable<Contract>
          label={t("requests.entitlements")}
          rows={data}
          keyOf={(row) => row.contractId ?? ""}
          columns={[
            { head: t("requests.contract"), cell: (row) => <bdi>{row.displayName}</bdi> },
            { head: t("requests.aYear"), cell: (row) => <bdi>{given(row) || "–"}</bdi> },
            {
              head: t("common.actions"),
              quiet: true,
              cell: (row) =>
                mayChange && (
                  <RowActions
                    name={row.displayName ?? ""}
                    testId={`contract-${row.displayName}`}
                    onEdit={() => setEditing(row)}
                  />
                ),
            },
          ]}
        />
      </Panel>
      {editing && <EntitlementForm contract={editing} kinds={kinds} onClose={() => setEditing(undefined)} />}
    </>
  );
}

interface FormProps {
  contract: Contract;
  kinds: readonly TimeOffKind[];
  onClose: () => void;
}

function EntitlementForm({ contract, kinds, onClose }: FormProps) {
  const t = useText();
  const refresh = useRefresh("requests", "mine");
  const [given, setGiven] = useState<readonly Entitlement[]>(contract.timeOffEntitlements ?? []);
  const of = (kind: TimeOffKind) => given.find((each) => each.timeOffKindId === kind.timeOffKindId);
  const set = (kind: TimeOffKind, change: Partial<Entitlement>) =>
    setGiven((before) => {
      const timeOffKindId = kind.timeOffKindId ?? "";
      const old = before.find((each) => each.timeOffKindId === timeOffKindId) ?? { timeOffKindId };
      return [...before.filter((each) => each.timeOffKindId !== timeOffKindId), { ...old, ...change }];
    });
  const save = async () => {
    const params = { path: { "contract.contractId": contract.contractId ?? "" } };
    const kept = given.filter((each) => (each.yearlyAmount ?? 0) > 0);
    const body = { contract: { ...contract, timeOffEntitlements: kept } };
    await ask(api.PATCH("/v1/wfm/contracts/{contract.contractId}", { params, body }));
    await refresh();
  };
  return (
    <FormModal title={contract.displayName ?? ""} onClose={onClose} onSave={save} testId="entitlements">
      {kinds.map((kind) => (
        <fieldset key={kind.timeOffKindId} style={{ border: 0, padding: 0, margin: 0 }}>
          <Text component="legend" fw={600}>
            <bdi>{kind.displayName}</bdi>
          </Text>
          <div className={classes.pair}>
            <NumberInput
              label={t("requests.aYear")}
              min={0}
              max={8784}
              value={of(kind)?.yearlyAmount ?? 0}
              onChange={(next) => set(kind, { yearlyAmount: Number(next) || 0 })}
            />
            <NumberInput
              label={t("requests.mostCarried")}
              min={0}
              max={8784}
              value={of(kind)?.mostCarriedOver ?? 0}
              onChange={(next) => set(kind, { mostCarriedOver: Number(next) || 0 })}
            />
            <Select
              label={t("requests.accrual")}
              allowDeselect={false}
              data={ACCRUALS.map((each) => ({
                value: `TIME_OFF_ACCRUAL_${each}`,
                label: t(`timeOffAccrual.${each}`),
              }))}
              value={of(kind)?.accrual ?? "TIME_OFF_ACCRUAL_YEARLY"}
              onChange={(next) => next && set(kind, { accrual: next as NonNullable<Entitlement["accrual"]> })}
            />
          </div>
        </fieldset>
      ))}
    </FormModal>
  );
}
