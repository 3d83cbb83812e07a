import { Button, Select, Switch } from "@mantine/core";
import { IconBeach, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { TimeOffKind } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { Confirm } from "../../../ui/Confirm.tsx";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { TextField } from "../../../ui/fields.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { RowActions } from "../../../ui/RowActions.tsx";
import classes from "../../mine/mine.module.css";
import { useKinds } from "../../mine/useMine.ts";
import { Entitlements } from "./Entitlements.tsx";

const UNITS = ["DAYS", "HOURS"] as const;
const FLAGS = ["paid", "limited", "automatic", "archived"] as const;

function unitOf(kind: TimeOffKind): "DAYS" | "HOURS" {
  return kind.unit === "TIME_OFF_UNIT_HOURS" ? "HOURS" : "DAYS";
}

/** Kinds of time off, and what contracts give of each. */
export function Kinds({ mayChange }: { mayChange: boolean }) {
  const t = useText();
  const { data, error, isPending, refetch } = useKinds();
  const refresh = useRefresh("mine", "requests");
  const [editing, setEditing] = useState<TimeOffKind>();
  const [removing, setRemoving] = useState<TimeOffKind>();
  if (isPending) return <Loading />;
  const add = mayChange && (
    <Button
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() =>
        setEditing({
          displayName: "",
          unit: "TIME_OFF_UNIT_DAYS",
          paid: true,
          limited: true,
          automatic: true,
        })
      }
      data-testid="kind-add"
    >
      {t("requests.kindAdd")}
    </Button>
  );
  const rows = data ?? [];
  return (
    <div className={classes.stack}>
      <ProblemNote problem={error} onRetry={() => void refetch()} />
      {rows.length === 0 ? (
        <Panel>
          <EmptyState icon={IconBeach} title={t("requests.noKinds")} action={add}>
            {t("requests.noKindsBody")}
          </EmptyState>
        </Panel>
      ) : (
        <>
          <div>{add}</div>
          <Panel flush label={t("requests.tab.kinds")}>
            <DataTable<TimeOffKind>
              label={t("requests.tab.kinds")}
              rows={rows}
              keyOf={(row) => row.timeOffKindId ?? ""}
              testId={(row) => `kind-${row.displayName}`}
              columns={[
                { head: t("common.name"), cell: (row) => <bdi>{row.displayName}</bdi> },
                { head: t("requests.unit"), cell: (row) => t(`timeOffUnit.${unitOf(row)}`) },
                {
                  head: t("requests.how"),
                  cell: (row) =>
                    FLAGS.filter((each) => row[each])
                      .map((each) => t(`requests.flag.${each}`))
                      .join(" · ") || "–",
                },
                {
                  head: t("common.actions"),
                  quiet: true,
                  cell: (row) =>
                    mayChange && (
                      <RowActions
                        name={row.displayName ?? ""}
                        testId={`kind-${row.displayName}`}
                        onEdit={() => setEditing(row)}
                        onDelete={() => setRemoving(row)}
                      />
                    ),
                },
              ]}
            />
          </Panel>
          <Entitlements mayChange={mayChange} kinds={rows} />
        </>
      )}
      {editing && <KindForm kind={editing} onClose={() => setEditing(undefined)} />}
      <Confirm
        opened={removing !== undefined}
        title={`${t("common.delete")}: ${removing?.displayName ?? ""}`}
        body={t("requests.kindDelete")}
        confirm={t("common.delete")}
        onConfirm={async () => {
          const path = { timeOffKindId: removing?.timeOffKindId ?? "" };
          await ask(api.DELETE("/v1/wfm/timeOffKinds/{timeOffKindId}", { params: { path } }));
          await refresh();
        }}
        onClose={() => setRemoving(undefined)}
      />
    </div>
  );
}

function KindForm({ kind, onClose }: { kind: TimeOffKind; onClose: () => void }) {
  const t = useText();
  const refresh = useRefresh("mine", "requests");
  const [requestId] = useState(newRequestId);
  const [value, setValue] = useState(kind);
  const set = (change: Partial<TimeOffKind>) => setValue((before) => ({ ...before, ...change }));
  const save = async () => {
    if (kind.timeOffKindId) {
      const params = { path: { "timeOffKind.timeOffKindId": kind.timeOffKindId } };
      const path = "/v1/wfm/timeOffKinds/{timeOffKind.timeOffKindId}";
      await ask(api.PATCH(path, { params, body: { timeOffKind: value } }));
    } else {
      await ask(api.POST("/v1/wfm/timeOffKinds", { body: { requestId, timeOffKind: value } }));
    }
    await refresh();
  };
  return (
    <FormModal
      title={kind.displayName || t("requests.kindAdd")}
      onClose={onClose}
      onSave={save}
      testId="kind"
    >
      <TextField
        label={t("common.name")}
        required
        maxLength={100}
        value={value.displayName ?? ""}
        onChange={(event) => set({ displayName: event.currentTarget.value })}
        data-testid="kind-name"
      />
      <Select
        label={t("requests.unit")}
        allowDeselect={false}
        disabled={Boolean(kind.timeOffKindId)}
        data={UNITS.map((each) => ({ value: each, label: t(`timeOffUnit.${each}`) }))}
        value={unitOf(value)}
        onChange={(next) =>
          next && set({ unit: next === "HOURS" ? "TIME_OFF_UNIT_HOURS" : "TIME_OFF_UNIT_DAYS" })
        }
      />
      {FLAGS.filter((each) => each !== "archived" || kind.timeOffKindId).map((each) => (
        <Switch
          key={each}
          label={t(`requests.flag.${each}`)}
          description={t(`requests.flagHint.${each}`)}
          checked={value[each] ?? false}
          onChange={(event) => set({ [each]: event.currentTarget.checked })}
        />
      ))}
    </FormModal>
  );
}
