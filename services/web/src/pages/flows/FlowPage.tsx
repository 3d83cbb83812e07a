import { useRef, useState } from "react";
import { useParams } from "wouter";
import { api, ask, newRequestId } from "../../api/client.ts";
import type { Definition, Flow, FlowProblem } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { PageHeader } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { UnsavedGuard } from "../../ui/unsaved.tsx";
import { FileMenu } from "./code/FileMenu.tsx";
import { PublishedChanges } from "./diff/PublishedChanges.tsx";
import { FlowActions } from "./FlowActions.tsx";
import { FlowProblems } from "./FlowProblems.tsx";
import { FlowSettings } from "./FlowSettings.tsx";
import classes from "./flows.module.css";
import { Releases } from "./Releases.tsx";
import { StepList } from "./StepList.tsx";
import { TryOut } from "./simulator/TryOut.tsx";
import { useFlow } from "./useFlow.ts";

export default function FlowPage() {
  const { flowId } = useParams<{ flowId: string }>();
  const { data, error, refetch } = useFlow(flowId);
  const [problems, setProblems] = useState<readonly FlowProblem[]>();
  const [shown, setShown] = useState({ draft: "", editor: 0 });
  const saved = useRef(new Set<string>());
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  // Another release leaves the draft as it was, and with it what is being typed; so does what the editor saved itself.
  const draft = JSON.stringify(data.draft);
  if (draft !== shown.draft) {
    setShown({ draft, editor: saved.current.has(draft) ? shown.editor : shown.editor + 1 });
  }
  return (
    <Editor
      key={shown.editor}
      flow={data}
      problems={problems}
      onProblems={setProblems}
      onSaved={(flow) => saved.current.add(JSON.stringify(flow.draft))}
    />
  );
}

/** Edits the draft as a list of steps. Production keeps its release until the draft is published. */
function Editor(props: {
  flow: Flow;
  problems: readonly FlowProblem[] | undefined;
  onProblems: (problems: readonly FlowProblem[]) => void;
  onSaved: (flow: Flow) => void;
}) {
  const { flow, problems } = props;
  const t = useText();
  const flowId = flow.flowId ?? "";
  const refresh = useRefresh("flow", "flows", "flowList", "releases", "flowTests");
  const [name, setName] = useState(flow.displayName ?? "");
  const [draft, setDraft] = useState<Definition>(flow.draft ?? {});
  const [dirty, setDirty] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const [current, setCurrent] = useState("");
  const change = (next: Definition) => {
    setDraft(next);
    setDirty(true);
  };
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
      flow: { flowId, displayName: name, draft },
      updateMask: "displayName,draft",
      version: flow.version,
    };
    const saved = await ask(
      api.PATCH("/v1/flows/{flow.flowId}", { params: { path: { "flow.flowId": flowId } }, body }),
    );
    props.onSaved(saved);
    setDirty(false);
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
    const saved = dirty ? await save() : flow;
    const body = { requestId: newRequestId(), comment, version: saved.version };
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
    setDraft(next.draft ?? {});
    setDirty(false);
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
      <div className={classes.page}>
        <div className={classes.column}>
          <ProblemNote problem={failure} onClose={() => setFailure(undefined)} />
          {problems && <FlowProblems problems={problems} steps={draft.steps ?? []} />}
          <StepList definition={draft} problems={problems ?? []} current={current} onChange={change} />
        </div>
        <div className={`${classes.column} ${classes.beside}`}>
          <TryOut flow={flow} draft={draft} failure={failure} onCurrent={setCurrent} />
          <FlowSettings
            name={name}
            definition={draft}
            onName={(value) => {
              setName(value);
              setDirty(true);
            }}
            onChange={change}
          />
          <Releases flow={flow} draft={draft} onRolledBack={refresh} />
        </div>
      </div>
    </>
  );
}
