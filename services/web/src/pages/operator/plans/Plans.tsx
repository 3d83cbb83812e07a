import { Button, Group } from "@mantine/core";
import { IconPackages, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { planName } from "../../../api/plan.ts";
import type { AddOn, AddOnOverview, Plan, PlanOverview } from "../../../api/types.ts";
import { formatMoney, formatNumber } from "../../../format/numbers.ts";
import { type Language, textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { Confirm } from "../../../ui/Confirm.tsx";
import { type Column, DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Tag, type Tone } from "../../../ui/Note.tsx";
import { PageHeader, Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { DateTime } from "../../../ui/Time.tsx";
import { per } from "../../start/PlanCards.tsx";
import operator from "../operator.module.css";
import { AddOnForm } from "./AddOnForm.tsx";
import { PlanForm } from "./PlanForm.tsx";
import classes from "./plans.module.css";

const TONES: Record<string, Tone> = {
  PLAN_STATE_DRAFT: "warn",
  PLAN_STATE_ON_SALE: "good",
  PLAN_STATE_RETIRED: "neutral",
};

/** One version of either kind, as both tables and the verbs treat it. */
interface Row {
  kind: "plan" | "addOn";
  id: string;
  item: Plan | AddOn;
  holders: number;
  revision: string;
}

type Asked = { verb: "publish" | "retire"; row: Row };
type Editing = { kind: "plan"; overview?: PlanOverview } | { kind: "addOn"; overview?: AddOnOverview };

/** What is sold: every version of every plan and add-on, and working on drafts, publishing and retiring. */
export function Plans() {
  const t = useText();
  const refresh = useRefresh("operatorPlans", "operatorAddOns", "plans", "audit");
  const plans = useQuery({ queryKey: ["operatorPlans"], queryFn: () => ask(api.GET("/v1/operator/plans")) });
  const addOns = useQuery({
    queryKey: ["operatorAddOns"],
    queryFn: () => ask(api.GET("/v1/operator/addOns")),
  });
  const [editing, setEditing] = useState<Editing>();
  const [asked, setAsked] = useState<Asked>();
  const [problem, setProblem] = useState<unknown>();
  const next = async (row: Row) => {
    setProblem(undefined);
    try {
      setEditing(await begun(row));
    } catch (error) {
      setProblem(error);
    } finally {
      await refresh();
    }
  };
  const edit = (row: Row) => {
    if (row.kind === "plan")
      setEditing({ kind: "plan", overview: plans.data?.plans?.find((each) => each.plan === row.item) });
    else
      setEditing({ kind: "addOn", overview: addOns.data?.addOns?.find((each) => each.addOn === row.item) });
  };
  const table = { onEdit: edit, onNext: next, onAsk: setAsked };
  const failed = plans.error ?? addOns.error;
  return (
    <>
      <PageHeader
        title={t("plans.tab")}
        subtitle={t("plans.lead")}
        actions={
          <>
            <Add label={t("plans.new")} onClick={() => setEditing({ kind: "plan" })} testId="plan-add" />
            <Add
              label={t("plans.newAddOn")}
              onClick={() => setEditing({ kind: "addOn" })}
              testId="add-on-add"
            />
          </>
        }
      />
      <ProblemNote problem={problem} />
      {failed ? (
        <ProblemNote problem={failed} onRetry={() => void refresh()} />
      ) : plans.data && addOns.data ? (
        <>
          <Panel flush>
            <Versions
              label={t("plans.tab")}
              rows={(plans.data.plans ?? []).map((each) => rowOf("plan", each.plan ?? {}, each))}
              {...table}
            />
          </Panel>
          <h2 className={classes.title}>{t("plans.addOns")}</h2>
          <Panel flush>
            {addOns.data.addOns?.length ? (
              <Versions
                label={t("plans.addOns")}
                rows={addOns.data.addOns.map((each) => rowOf("addOn", each.addOn ?? {}, each))}
                {...table}
              />
            ) : (
              <EmptyState icon={IconPackages} title={t("plans.noAddOns")}>
                {t("plans.noAddOnsBody")}
              </EmptyState>
            )}
          </Panel>
        </>
      ) : (
        <Loading />
      )}
      {asked && <AskFirst asked={asked} onClose={() => setAsked(undefined)} onDone={refresh} />}
      {editing?.kind === "plan" && (
        <PlanForm
          overview={editing.overview}
          meters={plans.data?.meters ?? []}
          features={plans.data?.features ?? []}
          onClose={() => setEditing(undefined)}
          onDone={refresh}
        />
      )}
      {editing?.kind === "addOn" && (
        <AddOnForm
          overview={editing.overview}
          features={plans.data?.features ?? []}
          planIds={[...new Set((plans.data?.plans ?? []).map((each) => each.plan?.planId ?? ""))]}
          onClose={() => setEditing(undefined)}
          onDone={refresh}
        />
      )}
    </>
  );
}

function Add({ label, onClick, testId }: { label: string; onClick: () => void; testId: string }) {
  return (
    <Button leftSection={<IconPlus size={17} aria-hidden />} onClick={onClick} data-testid={testId}>
      {label}
    </Button>
  );
}

interface VersionsProps {
  label: string;
  rows: readonly Row[];
  onEdit: (row: Row) => void;
  onNext: (row: Row) => Promise<void>;
  onAsk: (asked: Asked) => void;
}

function Versions({ label, rows, onEdit, onNext, onAsk }: VersionsProps) {
  const t = useText();
  const language = useLanguage();
  const drafted = new Set(rows.filter((row) => row.item.state === "PLAN_STATE_DRAFT").map((row) => row.id));
  const newest = new Map<string, Row>();
  for (const row of rows) if (!newest.has(row.id)) newest.set(row.id, row);
  const columns: Column<Row>[] = [
    {
      head: t("common.name"),
      cell: (row) => (
        <>
          <bdi>{nameOf(row)}</bdi>
          <div className={operator.small}>
            <span className="m-ltr">{row.id}</span>
            {"tenantId" in row.item && row.item.tenantId && ` · ${t("plans.forOne")}`}
          </div>
        </>
      ),
    },
    {
      head: t("plans.version"),
      cell: (row) => <span className="m-figures">{formatNumber(row.item.version ?? 0, language)}</span>,
    },
    {
      head: t("plans.state"),
      cell: ({ item }) => (
        <Tag tone={TONES[item.state ?? ""] ?? "neutral"}>{textOr("plans.state", item.state ?? "")}</Tag>
      ),
    },
    { head: t("plans.fee"), cell: ({ item }) => <Fee item={item} language={language} /> },
    {
      head: t("plans.holders"),
      cell: (row) => <span className="m-figures">{formatNumber(row.holders, language)}</span>,
    },
    { head: t("plans.since"), cell: ({ item }) => <DateTime value={item.effectiveTime} /> },
    {
      head: t("common.actions"),
      quiet: true,
      cell: (row) => (
        <Group gap={6} justify="flex-end">
          {row.item.state === "PLAN_STATE_DRAFT" && (
            <>
              <Verb row={row} verb="edit" onClick={() => onEdit(row)} />
              <Verb row={row} verb="publish" onClick={() => onAsk({ verb: "publish", row })} />
            </>
          )}
          {newest.get(row.id) === row && !drafted.has(row.id) && (
            <Verb row={row} verb="next" onClick={() => void onNext(row)} />
          )}
          {row.item.state === "PLAN_STATE_ON_SALE" && (
            <Verb row={row} verb="retire" onClick={() => onAsk({ verb: "retire", row })} />
          )}
        </Group>
      ),
    },
  ];
  return (
    <DataTable
      label={label}
      columns={columns}
      rows={rows}
      keyOf={(row) => `${row.id} ${row.item.version}`}
      testId={(row) => `version-${row.id}-${row.item.version}`}
    />
  );
}

interface VerbProps {
  row: Row;
  verb: "edit" | "publish" | "next" | "retire";
  onClick: () => void;
}

function Verb({ row, verb, onClick }: VerbProps) {
  const t = useText();
  return (
    <Button
      size="xs"
      variant="default"
      onClick={onClick}
      aria-label={`${t(`plans.${verb}`)}: ${nameOf(row)} ${row.item.version}`}
      data-testid={`version-${row.id}-${row.item.version}-${verb}`}
    >
      {t(`plans.${verb}`)}
    </Button>
  );
}

function Fee({ item, language }: { item: Plan | AddOn; language: Language }) {
  const t = useText();
  if (!item.price?.amount) return <>–</>;
  return (
    <span className="m-figures">
      {formatMoney(item.price.amount, item.currency ?? "", language)} {per(item, t)}
    </span>
  );
}

function AskFirst({ asked, onClose, onDone }: { asked: Asked; onClose: () => void; onDone: () => unknown }) {
  const t = useText();
  const language = useLanguage();
  const { verb, row } = asked;
  const said = { plan: nameOf(row), version: formatNumber(row.item.version ?? 0, language) };
  const run = async () => {
    await (verb === "publish" ? published(row) : retired(row)).finally(onDone);
    toast(t(verb === "publish" ? "plans.published" : "plans.retired", said));
  };
  return (
    <Confirm
      opened
      title={t(verb === "publish" ? "plans.publishTitle" : "plans.retireTitle", said)}
      body={
        verb === "publish"
          ? t("plans.publishBody")
          : t("plans.retireBody", { count: formatNumber(row.holders, language) })
      }
      confirm={t(`plans.${verb}`)}
      onConfirm={run}
      onClose={onClose}
    />
  );
}

async function begun(row: Row): Promise<Editing> {
  const body = { requestId: newRequestId(), version: row.item.version };
  if (row.kind === "plan") {
    const params = { path: { planId: row.id } };
    const overview = await ask(api.POST("/v1/operator/plans/{planId}:newVersion", { params, body }));
    return { kind: "plan", overview };
  }
  const params = { path: { addOnId: row.id } };
  const overview = await ask(api.POST("/v1/operator/addOns/{addOnId}:newVersion", { params, body }));
  return { kind: "addOn", overview };
}

async function published(row: Row): Promise<unknown> {
  const body = { version: row.item.version ?? 0, revision: row.revision };
  return row.kind === "plan"
    ? ask(api.POST("/v1/operator/plans/{planId}:publish", { params: { path: { planId: row.id } }, body }))
    : ask(api.POST("/v1/operator/addOns/{addOnId}:publish", { params: { path: { addOnId: row.id } }, body }));
}

async function retired(row: Row): Promise<unknown> {
  const body = { version: row.item.version ?? 0 };
  return row.kind === "plan"
    ? ask(api.POST("/v1/operator/plans/{planId}:retire", { params: { path: { planId: row.id } }, body }))
    : ask(api.POST("/v1/operator/addOns/{addOnId}:retire", { params: { path: { addOnId: row.id } }, body }));
}

function rowOf(kind: Row["kind"], item: Plan | AddOn, overview: PlanOverview | AddOnOverview): Row {
  const id = ("planId" in item ? item.planId : (item as AddOn).addOnId) ?? "";
  return { kind, id, item, holders: overview.holderCount ?? 0, revision: overview.revision ?? "0" };
}

function nameOf(row: Row): string {
  return planName({ ...row.item, planId: row.id } as Plan);
}
