import { Button, Progress } from "@mantine/core";
import { IconServer } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { TelephonyNode } from "../../api/types.ts";
import { secondsBetween } from "../../format/durations.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { Confirm } from "../../ui/Confirm.tsx";
import { DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { Tag } from "../../ui/Note.tsx";
import { PageHeader, Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { DateTime, Elapsed, useServerNow } from "../../ui/Time.tsx";
import classes from "./operator.module.css";

const FRESH_MS = 2000;
/** A node beats every second or so: one that has been silent for so long is not to be counted on. */
const SILENT_SECONDS = 10;

/** The processes that hold calls' media: how much is on each, and emptying one before it is stopped. */
export function Nodes() {
  const t = useText();
  const language = useLanguage();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["nodes"],
    queryFn: async (): Promise<TelephonyNode[]> => (await ask(api.GET("/v1/operator/nodes"))).nodes ?? [],
    refetchInterval: FRESH_MS,
  });
  const [draining, setDraining] = useState<TelephonyNode>();
  const [problem, setProblem] = useState<unknown>();
  const most = useMostCalls(data);
  const move = async (node: TelephonyNode, verb: "drain" | "undrain") => {
    const params = { path: { nodeId: node.nodeId ?? "" } };
    await (verb === "drain"
      ? ask(api.POST("/v1/operator/nodes/{nodeId}:drain", { params, body: {} }))
      : ask(api.POST("/v1/operator/nodes/{nodeId}:undrain", { params, body: {} })));
    await refetch();
    toast(
      t(verb === "drain" ? "operator.nodes.drained" : "operator.nodes.undrained", {
        node: node.nodeId ?? "",
      }),
    );
  };
  const takeBack = (node: TelephonyNode) => {
    setProblem(undefined);
    move(node, "undrain").catch(setProblem);
  };
  return (
    <>
      <PageHeader title={t("operator.nodes")} subtitle={t("operator.nodes.lead")} />
      <ProblemNote problem={problem} />
      {isPending && <Loading />}
      {error && !data && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {data?.length === 0 && (
        <Panel>
          <EmptyState icon={IconServer} title={t("operator.nodes.none")}>
            {t("operator.nodes.noneBody")}
          </EmptyState>
        </Panel>
      )}
      {data && data.length > 0 && (
        <Panel flush>
          <DataTable
            label={t("operator.nodes")}
            rows={data}
            keyOf={(node) => node.nodeId ?? ""}
            testId={(node) => `node-${node.nodeId}`}
            columns={[
              {
                head: t("operator.nodes.node"),
                cell: (node) => (
                  <>
                    <span className="m-ltr">{node.nodeId}</span>
                    <div className={classes.small}>
                      <span className="m-ltr">{node.address || "–"}</span>
                    </div>
                  </>
                ),
              },
              { head: t("operator.state"), cell: (node) => <NodeState node={node} /> },
              {
                head: t("operator.nodes.calls"),
                cell: (node) => (
                  <>
                    <span className="m-figures">{formatNumber(node.liveCalls ?? 0, language)}</span>
                    {node.draining && <Moving node={node} most={most(node)} />}
                  </>
                ),
              },
              { head: t("operator.nodes.heard"), cell: (node) => <Elapsed since={node.heartbeatTime} /> },
              { head: t("operator.nodes.since"), cell: (node) => <DateTime value={node.startTime} /> },
              {
                head: t("common.actions"),
                quiet: true,
                cell: (node) => (
                  <Button
                    size="xs"
                    variant="default"
                    onClick={() => (node.draining ? takeBack(node) : setDraining(node))}
                    aria-label={`${t(node.draining ? "operator.nodes.undrain" : "operator.nodes.drain")}: ${node.nodeId}`}
                    data-testid={`node-${node.nodeId}-${node.draining ? "undrain" : "drain"}`}
                  >
                    {t(node.draining ? "operator.nodes.undrain" : "operator.nodes.drain")}
                  </Button>
                ),
              },
            ]}
          />
        </Panel>
      )}
      {draining && (
        <Confirm
          opened
          title={t("operator.nodes.drainTitle", { node: draining.nodeId ?? "" })}
          body={t("operator.nodes.drainBody")}
          confirm={t("operator.nodes.drain")}
          onConfirm={() => move(draining, "drain")}
          onClose={() => setDraining(undefined)}
        />
      )}
    </>
  );
}

function NodeState({ node }: { node: TelephonyNode }) {
  const t = useText();
  const now = useServerNow();
  if (secondsBetween(node.heartbeatTime, now) > SILENT_SECONDS)
    return <Tag tone="bad">{t("operator.nodes.silent")}</Tag>;
  return node.draining ? (
    <>
      <Tag tone="warn">{t(node.liveCalls ? "operator.nodes.draining" : "operator.nodes.empty")}</Tag>
      {node.liveCalls && node.drainDeadlineTime ? (
        <div className={classes.small}>
          {t("operator.nodes.until")} <DateTime value={node.drainDeadlineTime} />
        </div>
      ) : null}
    </>
  ) : (
    <Tag tone="good">{t("operator.nodes.open")}</Tag>
  );
}

/** How far a node is emptied, of what was on it when that began. */
function Moving({ node, most }: { node: TelephonyNode; most: number }) {
  const t = useText();
  const left = node.liveCalls ?? 0;
  const share = most > 0 ? Math.round((1 - left / most) * 100) : 100;
  return (
    <Progress mt={6} value={share} aria-label={t("operator.nodes.moved", { node: node.nodeId ?? "" })} />
  );
}

/** The most calls seen on each node since it is being emptied. */
function useMostCalls(nodes: readonly TelephonyNode[] | undefined): (node: TelephonyNode) => number {
  const seen = useRef(new Map<string, number>());
  for (const { nodeId = "", draining, liveCalls = 0 } of nodes ?? []) {
    if (draining) seen.current.set(nodeId, Math.max(seen.current.get(nodeId) ?? 0, liveCalls));
    else seen.current.delete(nodeId);
  }
  return (node) => seen.current.get(node.nodeId ?? "") ?? 0;
}
