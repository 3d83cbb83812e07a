import { Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, ask } from "../../../api/client.ts";
import { asProblem } from "../../../api/problem.ts";
import type {
  CallerTestResult,
  Definition,
  Flow,
  FlowTest,
  FlowTestResult,
  Step,
} from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { Confirm } from "../../../ui/Confirm.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Tag } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { stepName } from "../steps.ts";
import classes from "./simulator.module.css";

interface Props {
  flow: Flow;
  draft: Definition;
  failure: unknown;
  onOpen: (test: FlowTest) => void;
}

/** The flow's saved runs: whether the draft as it is edited passes them, and what is different where it doesn't. */
export function FlowTests({ flow, draft, failure, onOpen }: Props) {
  const t = useText();
  const flowId = flow.flowId ?? "";
  const path = { flowId };
  const refresh = useRefresh("flowTests");
  const tests = useQuery({
    queryKey: ["flowTests", flowId],
    queryFn: async (): Promise<FlowTest[]> =>
      (await ask(api.GET("/v1/flows/{flowId}/tests", { params: { path } }))).tests ?? [],
  });
  const [tried, setTried] = useState<{
    draft: Definition;
    results: readonly FlowTestResult[];
    callers: readonly CallerTestResult[];
  }>();
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const [removing, setRemoving] = useState<FlowTest>();
  // Results are those of the draft that was run; of another nothing is known.
  const { results, callers } = tried?.draft === draft ? tried : { results: [], callers: [] };
  const attempt = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await work();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const run = async () => {
    const body = { definition: draft };
    const answer = await ask(api.POST("/v1/flows/{flowId}:test", { params: { path }, body }));
    setTried({ draft, results: answer.results ?? [], callers: answer.failedCallers ?? [] });
  };
  const accept = async ({ test, actual }: FlowTestResult) => {
    const changed = { ...test, ...(actual ? { expectation: actual } : {}) };
    await ask(
      api.PATCH("/v1/flowTests/{test.testId}", {
        params: { path: { "test.testId": test?.testId ?? "" } },
        body: { test: changed, version: test?.version ?? "0" },
      }),
    );
    toast(t("common.saved"));
    await refresh();
    await run();
  };
  const reason = failure === undefined ? "" : asProblem(failure).reason;
  const refused = reason === "FLOW_TESTS_FAILED" || reason === "CALLER_TESTS_FAILED";
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for every refusal
  useEffect(() => {
    if (refused) void attempt(run);
  }, [refused]);
  const list = tests.data ?? [];
  return (
    <Panel label={t("flowTests.title")} testId="flow-tests">
      <Group justify="space-between" gap={6}>
        <h2 className={classes.title}>{t("flowTests.title")}</h2>
        {list.length > 0 && (
          <Button
            size="compact-sm"
            variant="default"
            loading={busy}
            onClick={() => void attempt(run)}
            data-testid="tests-run"
          >
            {t("flowTests.run")}
          </Button>
        )}
      </Group>
      <ProblemNote problem={tests.error ?? problem} />
      {tests.data && list.length === 0 && <p className={classes.lead}>{t("flowTests.none")}</p>}
      <ul className={classes.tests} aria-live="polite">
        {list.map((test) => (
          <Test
            key={test.testId}
            test={test}
            result={results.find((each) => each.test?.testId === test.testId)}
            steps={draft.steps ?? []}
            busy={busy}
            onOpen={() => onOpen(test)}
            onAccept={(result) => void attempt(() => accept(result))}
            onRemove={() => setRemoving(test)}
          />
        ))}
      </ul>
      {callers.length > 0 && <h3 className={classes.title}>{t("flowTests.callers")}</h3>}
      <ul className={classes.tests}>
        {callers.map(({ displayName, result }) => (
          <Test
            key={result?.test?.testId}
            test={{ ...result?.test, displayName: `${displayName}: ${result?.test?.displayName}` }}
            result={result}
            steps={draft.steps ?? []}
            busy={busy}
            onAccept={(wrong) => void attempt(() => accept(wrong))}
          />
        ))}
      </ul>
      <Confirm
        opened={removing !== undefined}
        title={t("flowTests.removeTitle", { name: removing?.displayName ?? "" })}
        body={t("flowTests.removeBody")}
        confirm={t("common.delete")}
        onClose={() => setRemoving(undefined)}
        onConfirm={async () => {
          const testId = removing?.testId ?? "";
          await ask(api.DELETE("/v1/flowTests/{testId}", { params: { path: { testId } } }));
          await refresh();
        }}
      />
    </Panel>
  );
}

interface TestProps {
  test: FlowTest;
  result: FlowTestResult | undefined;
  steps: readonly Step[];
  busy: boolean;
  /** Left out, as onRemove is, for a test of another flow. */
  onOpen?: () => void;
  onAccept: (result: FlowTestResult) => void;
  onRemove?: () => void;
}

function Test({ test, result, steps, busy, onOpen, onAccept, onRemove }: TestProps) {
  const t = useText();
  const name = test.displayName ?? "";
  return (
    <li data-testid={`test-${name}`}>
      <Group justify="space-between" gap={6}>
        <strong className={classes.testName}>
          <bdi>{name}</bdi>
        </strong>
        {result && (
          <Tag tone={result.passed ? "good" : "bad"}>
            {result.passed ? t("flowTests.passed") : t("flowTests.failed")}
          </Tag>
        )}
      </Group>
      {(result?.differences ?? []).map((difference) => (
        <dl key={difference.field} className={classes.difference}>
          <dt>
            <bdi>{stepName(steps, difference.stepId)}</bdi> · <bdi>{difference.field}</bdi>
          </dt>
          <dd>{t("flowTests.expected", { value: shown(difference, steps, difference.expected) })}</dd>
          <dd>{t("flowTests.came", { value: shown(difference, steps, difference.actual) })}</dd>
        </dl>
      ))}
      <Group gap={4}>
        {onOpen && (
          <Button
            size="compact-xs"
            variant="subtle"
            onClick={onOpen}
            aria-label={`${t("flowTests.open")}: ${name}`}
          >
            {t("flowTests.open")}
          </Button>
        )}
        {result && !result.passed && (
          <Button
            size="compact-xs"
            variant="default"
            disabled={busy}
            onClick={() => onAccept(result)}
            data-testid={`test-${name}-accept`}
          >
            {t("flowTests.accept")}
          </Button>
        )}
        {onRemove && (
          <Button
            size="compact-xs"
            variant="subtle"
            color="red"
            onClick={onRemove}
            aria-label={`${t("common.delete")}: ${name}`}
          >
            {t("common.delete")}
          </Button>
        )}
      </Group>
    </li>
  );
}

/** A step by its name, anything else as it is, nothing as a dash. */
function shown({ field }: { field?: string }, steps: readonly Step[], value: string | undefined): string {
  if (!value) return "–";
  return field?.startsWith("path[") ? stepName(steps, value) : value;
}
