import { NumberInput, Select } from "@mantine/core";
import { IconPencil } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import { useUsers } from "../../../api/names.ts";
import type { TimeOffBalance, TimeOffKind } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { IconAction } from "../../../ui/RowActions.tsx";
import classes from "../../mine/mine.module.css";

/** What one agent has of each kind, and what they bring over from the year before. */
export function Balances({ mayChange, kinds }: { mayChange: boolean; kinds: readonly TimeOffKind[] }) {
  const t = useText();
  const language = useLanguage();
  const users = useUsers().data ?? [];
  const [userId, setUserId] = useState("");
  const [editing, setEditing] = useState<TimeOffBalance>();
  const { data, error } = useQuery({
    queryKey: ["requests", "balances", userId],
    queryFn: async () => {
      const params = { path: { userId } };
      const path = "/v1/wfm/plannedAgents/{userId}/timeOffBalances";
      return (await ask(api.GET(path, { params }))).timeOffBalances ?? [];
    },
    enabled: Boolean(userId),
    retry: false,
  });
  const figure = (value: number | undefined) => formatNumber(value ?? 0, language);
  const kindOf = (row: TimeOffBalance) => kinds.find((each) => each.timeOffKindId === row.timeOffKindId);
  if (kinds.length === 0) return null;
  return (
    <Panel label={t("requests.balances")} testId="balances-of">
      <div className={classes.stack} style={{ gap: 10 }}>
        <div className={classes.head}>
          <h2>{t("requests.balances")}</h2>
          <Select
            aria-label={t("requests.who")}
            placeholder={t("requests.who")}
            searchable
            data={users.map((each) => ({ value: each.userId ?? "", label: each.displayName ?? "" }))}
            value={userId || null}
            onChange={(next) => setUserId(next ?? "")}
            data-testid="balances-who"
          />
        </div>
        <ProblemNote problem={userId ? error : undefined} />
        {userId && data && (
          <DataTable<TimeOffBalance>
            label={t("requests.balances")}
            rows={data}
            keyOf={(row) => row.timeOffKindId ?? ""}
            columns={[
              { head: t("mine.kind"), cell: (row) => <bdi>{kindOf(row)?.displayName ?? "–"}</bdi> },
              { head: t("mine.entitled"), cell: (row) => figure(row.entitled) },
              { head: t("mine.accrued"), cell: (row) => figure(row.accrued) },
              { head: t("mine.carriedOver"), cell: (row) => figure(row.carriedOver) },
              {
                head: t("requests.gone"),
                cell: (row) => figure((row.approved ?? 0) + (row.used ?? 0) + (row.asked ?? 0)),
              },
              { head: t("requests.left"), cell: (row) => <b>{figure(row.left)}</b> },
              {
                head: t("common.actions"),
                quiet: true,
                cell: (row) =>
                  mayChange && (
                    <IconAction
                      icon={IconPencil}
                      label={`${t("requests.setCarried")}: ${kindOf(row)?.displayName ?? ""}`}
                      onClick={() => setEditing(row)}
                    />
                  ),
              },
            ]}
          />
        )}
      </div>
      {editing && <CarryForm balance={editing} userId={userId} onClose={() => setEditing(undefined)} />}
    </Panel>
  );
}

function CarryForm({
  balance,
  userId,
  onClose,
}: {
  balance: TimeOffBalance;
  userId: string;
  onClose: () => void;
}) {
  const t = useText();
  const refresh = useRefresh("requests");
  const [value, setValue] = useState<number | "">(balance.carriedOver ?? 0);
  const save = async () => {
    const { timeOffKindId, year } = balance;
    const body = {
      timeOffKindId: timeOffKindId ?? "",
      year: year ?? 0,
      ...(value !== "" && { carriedOver: value }),
    };
    await ask(
      api.POST("/v1/wfm/plannedAgents/{userId}:setCarriedOver", { params: { path: { userId } }, body }),
    );
    await refresh();
  };
  return (
    <FormModal title={t("requests.setCarried")} onClose={onClose} onSave={save} testId="carry">
      <NumberInput
        label={t("mine.carriedOver")}
        description={t("requests.carriedHint")}
        min={-1000}
        max={1000}
        value={value}
        onChange={(next) => setValue(next === "" ? "" : Number(next))}
      />
    </FormModal>
  );
}
