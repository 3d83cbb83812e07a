import { useState } from "react";
import { useParams } from "wouter";
import { api, ask, newRequestId } from "../../api/client.ts";
import type { Flow, FlowProblem } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { PageHeader } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { UnsavedGuard } from "../../ui/unsaved.tsx";
import { Designer } from "./canvas/Designer.tsx";
import { useDraft } from "./canvas/useDraft.ts";
import { useView, type Wanted } from "./canvas/view.ts";
import { FileMenu } from "./code/FileMenu.tsx";
import { PublishedChanges } from "./diff/PublishedChanges.tsx";
import { FlowActions } from "./FlowActions.tsx";
import { FlowProblems } from "./FlowProblems.tsx";
import { FlowSettings } from "./FlowSettings.tsx";
import classes from "./flows.module.css";
import { Releases } from "./Releases.tsx";
import { TryOut } from "./simulator/TryOut.tsx";
import { useFlow } from "./useFlow.ts";

export default function FlowPage() {
  const { flowId } = useParams<{ flowId: string }>();
  const { data, error, refetch } = useFlow(flowId);
  const [problems, setProblems] = useState<readonly FlowProblem[]>();
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  return <Editor key={flowId} flow={data} problems={problems} onProblems={setProblems} />;
}

/** Edits the draft as a list of steps or on a canvas. Production keeps its release until the draft is published. */
function Editor(props: {
  flow: Flow;
  problems: readonly FlowProblem[] | undefined;
  onProblems: (problems: readonly FlowProblem[]) => void;
}) {
  const { flow, problems } = props;
  const t = useText();
  const flowId = flow.flowId ?? "";
  const refresh = useRefresh("flow", "flows", "flowList", "releases", "flowTests");
  const editing = useDraft(flow);
  const { name, definition: draft, layout, dirty, version, change } = editing;
  const [view, setView] = useView();
  const [wanted, setWanted] = useState<Wanted>();
  const [failure, setFailure] = useState<unknown>();
  const [current, setCurrent] = useState("");
  /** Whether the work went well; why it didn't is then on the page. */
  const attempt = async (work: () => Promise<boolean>) => {
    setFailure(undefined);
    try {
      return await work();
    } catch (error) {
      setFailure(error);
      return false;
    }
  };
  const validate = async () => {
    const path = { flowId };
    const answer = await ask(
      api.POST("/v1/flows/{flowId}:validate", { params: { path }, body: { definition: draft } }),
    );
    props.onProblems(answer.problems ?? []);
    return answer.valid ?? false;
  };
  const save = async () => {
    const body = {
      flow: { flowId, displayName: name, draft, layout },
      updateMask: "displayName,draft,layout",
      version,
    };
    const saved = await ask(
      api.PATCH("/v1/flows/{flow.flowId}", { params: { path: { "flow.flowId": flowId } }, body }),
    );
    editing.saved({ name, definition: draft, layout }, saved);
    return saved;
  };
  const checkAndSave = async () => {
    await validate();
    await save();
    toast(t("common.saved"));
    await refresh();
    return true;
  };
  const publish = async (comment: string) => {
    if (!(await validate())) return false;
    const checked = dirty ? (await save()).version : version;
    const body = { requestId: newRequestId(), comment, version: checked };
    try {
      await ask(api.POST("/v1/flows/{flowId}:publish", { params: { path: { flowId } }, body }));
    } catch (error) {
      // The draft was saved all the same, and has another version now.
      if (dirty) await refresh();
      throw error;
    }
    toast(t("flows.published"));
    await refresh();
    return true;
  };
  const imported = async (next: Flow) => {
    editing.replaced(next);
    props.onProblems([]);
    await refresh();
  };
  return (
    <>
      <UnsavedGuard dirty={dirty} />
      <PageHeader
        title={flow.displayName ?? ""}
        subtitle={t("flows.editLead")}
        actions={
          <FlowActions
            dirty={dirty}
            more={<FileMenu flow={flow} dirty={dirty} onImported={imported} />}
            changes={<PublishedChanges flowId={flowId} draft={draft} />}
            onValidate={() => attempt(validate)}
            onSave={() => attempt(checkAndSave)}
            onPublish={(comment) => attempt(() => publish(comment))}
          />
        }
      />
      <div className={view === "canvas" ? classes.wide : classes.page} data-draft>
        <div className={classes.column}>
          <ProblemNote problem={failure} onClose={() => setFailure(undefined)} />
          {problems && (
            <FlowProblems
              problems={problems}
              steps={draft.steps ?? []}
              onStep={view === "canvas" ? (stepId) => setWanted({ stepId }) : undefined}
            />
          )}
          <Designer
            editing={editing}
            view={view}
            onView={setView}
            problems={problems ?? []}
            wanted={wanted}
            highlighted={current || undefined}
          />
        </div>
        <div className={view === "canvas" ? classes.beside : `${classes.column} ${classes.pinned}`}>
          <TryOut flow={flow} draft={draft} failure={failure} onCurrent={setCurrent} />
          <FlowSettings name={name} definition={draft} onName={editing.rename} onChange={change} />
          <Releases flow={flow} draft={draft} onRolledBack={refresh} />
        </div>
      </div>
    </>
  );
}
