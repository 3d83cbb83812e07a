import { Button, Group, Text } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { useNames } from "../../api/names.ts";
import { asProblem } from "../../api/problem.ts";
import type { Definition, Flow, Release } from "../../api/types.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { Tag } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { DateTime } from "../../ui/Time.tsx";
import { DiffDialog } from "./diff/DiffDialog.tsx";
import { useReleases } from "./useFlow.ts";

const TESTS_FAILED = ["FLOW_TESTS_FAILED", "CALLER_TESTS_FAILED"];

/** What was published when and by whom; an older one can run again. */
export function Releases(props: { flow: Flow; draft: Definition; onRolledBack: () => Promise<void> }) {
  const { flow, onRolledBack } = props;
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const releases = useReleases(flow.flowId ?? "").data ?? [];
  const [wanted, setWanted] = useState<Release>();
  const [compared, setCompared] = useState<Release>();
  const number = (release: Release | undefined) => formatNumber(release?.number ?? 0, language);
  const [failing, setFailing] = useState<{ release: Release; refusal: unknown }>();
  const rollBack = async (releaseId: string, inSpiteOfTests: boolean) => {
    const body = { requestId: newRequestId(), releaseId, inSpiteOfTests };
    const path = { flowId: flow.flowId ?? "" };
    await ask(api.POST("/v1/flows/{flowId}:rollBack", { params: { path }, body }));
    await onRolledBack();
  };
  const rollBackTested = async (release: Release) => {
    try {
      await rollBack(release.releaseId ?? "", false);
    } catch (refusal) {
      if (!TESTS_FAILED.includes(asProblem(refusal).reason)) throw refusal;
      setFailing({ release, refusal });
    }
  };
  return (
    <Panel label={t("flows.releases")}>
      <h2 style={{ fontSize: "1rem", margin: "0 0 10px" }}>{t("flows.releases")}</h2>
      {releases.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("flows.noReleases")}
        </Text>
      )}
      {releases.map((release) => (
        <div
          key={release.releaseId}
          style={{ padding: "10px 0", borderBlockEnd: "1px solid var(--m-line)" }}
          data-testid={`release-${release.number}`}
        >
          <Group justify="space-between" gap={6}>
            <strong>{t("flows.number", { number: number(release) })}</strong>
            <Group gap={6}>
              <Button
                size="compact-xs"
                variant="default"
                aria-label={t("flowDiff.compareWith", { number: number(release) })}
                onClick={() => setCompared(release)}
                data-testid={`release-${release.number}-compare`}
              >
                {t("flowDiff.compare")}
              </Button>
              {release.releaseId === flow.releaseId ? (
                <Tag tone="good">{t("flows.running")}</Tag>
              ) : (
                <Button size="compact-xs" variant="default" onClick={() => setWanted(release)}>
                  {t("flows.rollBack")}
                </Button>
              )}
            </Group>
          </Group>
          <Text size="sm" c="dimmed">
            <DateTime value={release.createTime} /> · <bdi>{names.user(release.publisher)}</bdi>
          </Text>
          {Boolean(release.restoredNumber) && (
            <Text size="sm">
              {t("flows.restored", { number: formatNumber(release.restoredNumber ?? 0, language) })}
            </Text>
          )}
          {release.comment && (
            <Text size="sm">
              <bdi>{release.comment}</bdi>
            </Text>
          )}
        </div>
      ))}
      {compared && (
        <DiffDialog
          flowId={flow.flowId ?? ""}
          draft={props.draft}
          releases={releases}
          before={compared.number ?? 0}
          onClose={() => setCompared(undefined)}
        />
      )}
      <Confirm
        opened={wanted !== undefined}
        title={t("flows.rollBackTitle", { number: number(wanted) })}
        body={t("flows.rollBackBody")}
        confirm={t("flows.rollBack")}
        onClose={() => setWanted(undefined)}
        onConfirm={async () => wanted && rollBackTested(wanted)}
      />
      <Confirm
        opened={failing !== undefined}
        title={t("flows.rollBackAnywayTitle", { number: number(failing?.release) })}
        body={t("flows.rollBackAnywayBody")}
        confirm={t("flows.rollBackAnyway")}
        onClose={() => setFailing(undefined)}
        onConfirm={() => rollBack(failing?.release.releaseId ?? "", true)}
      >
        <ProblemNote problem={failing?.refusal} />
      </Confirm>
    </Panel>
  );
}
