import { Anchor } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../../api/client.ts";
import { planName } from "../../../api/plan.ts";
import type { FeatureStanding, LimitStanding, Plan } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { type MessageKey, textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Tag } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { useRefreshOn } from "../../watch/useRefreshOn.ts";
import watch from "../../watch/watch.module.css";

interface Props {
  plans: readonly Plan[];
  addOnIds: readonly string[];
  /** Opens what a move to a plan costs; undefined while none can be made. */
  onMove: ((plan: Plan) => void) | undefined;
}

type Row = { limit?: LimitStanding; feature?: FeatureStanding };

/** Every limit and feature there is: what the plan has, what it lacks, what happens beyond it, and the way to more. */
export function Given({ plans, addOnIds, onMove }: Props) {
  const t = useText();
  const { data, error, refetch } = useQuery({
    queryKey: ["standing"],
    queryFn: () => ask(api.GET("/v1/standing")),
  });
  useRefreshOn(["standing"], "PlanSubscribed");
  useRefreshOn(["standing"], "PlanLimitPassed");
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  const rows: Row[] = [
    ...(data.limits ?? []).map((limit) => ({ limit })),
    ...(data.features ?? []).map((feature) => ({ feature })),
  ];
  return (
    <section aria-label={t("standing.title")}>
      <h3 className={watch.title} style={{ marginBottom: 2 }}>
        {t("standing.title")}
      </h3>
      <p className={watch.faint} style={{ margin: "0 0 12px" }}>
        {t("standing.lead")}
      </p>
      <Panel flush>
        <DataTable
          label={t("standing.title")}
          rows={rows}
          keyOf={nameOf}
          testId={(row) => `given-${nameOf(row)}`}
          columns={[
            { head: t("standing.what"), cell: (row) => <What row={row} /> },
            { head: t("standing.have"), cell: (row) => <Have row={row} /> },
            { head: t("standing.over"), cell: (row) => <Beyond row={row} /> },
            {
              head: t("standing.more"),
              cell: (row) => <More row={row} plans={plans} addOnIds={addOnIds} onMove={onMove} />,
            },
          ]}
        />
      </Panel>
    </section>
  );
}

function nameOf(row: Row): string {
  return row.limit?.limit ?? row.feature?.feature ?? "";
}

/** "max_users" -> its words. */
export function limitWords(limit: string, t: (key: MessageKey) => string): string {
  const name = limit.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return t(`limits.${name}` as MessageKey);
}

function What({ row }: { row: Row }) {
  const t = useText();
  return <>{row.limit ? limitWords(row.limit.limit ?? "", t) : textOr("feature", nameOf(row))}</>;
}

function Have({ row }: { row: Row }) {
  const t = useText();
  const language = useLanguage();
  if (row.feature) {
    return row.feature.held ? (
      <Tag tone="good">{t("standing.has")}</Tag>
    ) : (
      <Tag tone="warn">{t("standing.lacks")}</Tag>
    );
  }
  const { limit, allowed, used, counted } = row.limit ?? {};
  const most = Number(allowed ?? 0);
  if (most === 0) {
    return limit === "max_api_requests_per_minute" ? (
      t("standing.unbounded")
    ) : (
      <Tag tone="warn">{t("standing.lacks")}</Tag>
    );
  }
  const number = (value: string | undefined) => formatNumber(value ?? "0", language);
  if (!counted) return <span className="m-figures">{number(allowed)}</span>;
  const full = Number(used ?? 0) >= most;
  const words = t("standing.used", { used: number(used), allowed: number(allowed) });
  return full ? <Tag tone="warn">{words}</Tag> : <span className="m-figures">{words}</span>;
}

function Beyond({ row }: { row: Row }) {
  const t = useText();
  if (!row.limit) return <>–</>;
  if (row.limit.limit === "max_campaigns") return <>{t("standing.notYet")}</>;
  if (row.limit.limit === "recording_retention_days") return <>{t("standing.kept")}</>;
  return <>{t(row.limit.soft ? "standing.soft" : "standing.hard")}</>;
}

function More({ row, plans, addOnIds, onMove }: { row: Row } & Props) {
  const t = useText();
  const { limit, feature } = row;
  if (feature?.held || limit?.limit === "max_campaigns") return <>–</>;
  if (limit?.limit === "max_api_requests_per_minute" && !Number(limit.allowed ?? 0)) return <>–</>;
  const plan = plans.find((each) => each.planId === (limit?.nextPlanId || feature?.lowestPlanId));
  const addOns = [...(limit?.addOnIds ?? []), ...(feature?.addOnIds ?? [])];
  const addOn = addOns.some((each) => addOnIds.includes(each));
  if (!plan && !addOn) return <span className={watch.faint}>{t("standing.askOperator")}</span>;
  return (
    <span style={{ display: "inline-flex", gap: 12, flexWrap: "wrap" }}>
      {plan && onMove && (
        <Anchor
          component="button"
          type="button"
          inherit
          underline="always"
          onClick={() => onMove(plan)}
          data-testid={`more-${nameOf(row)}`}
        >
          {t("standing.moveTo", { plan: planName(plan) })}
        </Anchor>
      )}
      {plan && !onMove && <bdi>{planName(plan)}</bdi>}
      {addOn && (
        <Anchor href="#add-ons" inherit underline="always">
          {t("standing.addOn")}
        </Anchor>
      )}
    </span>
  );
}
