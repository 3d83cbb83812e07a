import { VisuallyHidden } from "@mantine/core";
import type { Definition, FieldChange, FlowDiff } from "../../../api/types.ts";
import { type MessageKey, useText } from "../../../i18n/index.ts";
import { Tag, type Tone } from "../../../ui/Note.tsx";
import classes from "./diff.module.css";
import { kindOfChange, kindOfKey, leadsToStep, partsOf, stepNames } from "./fields.ts";

const CHANGES: Record<string, { tone: Tone; text: MessageKey }> = {
  FLOW_CHANGE_ADDED: { tone: "good", text: "flowDiff.added" },
  FLOW_CHANGE_REMOVED: { tone: "bad", text: "flowDiff.removed" },
  FLOW_CHANGE_CHANGED: { tone: "info", text: "flowDiff.changed" },
};

/** What differs between two versions of a flow, step by step, by names. */
export function DiffView({ diff, definition }: { diff: FlowDiff; definition?: Definition | undefined }) {
  const t = useText();
  const names = stepNames(definition, diff);
  if (diff.same) {
    return (
      <p className={classes.same} data-testid="diff-same">
        {t("flowDiff.same")}
      </p>
    );
  }
  return (
    <div className={classes.diff} data-testid="diff">
      {(diff.fields ?? []).length > 0 && (
        <section className={classes.step} aria-label={t("flowDiff.whole")}>
          <h3>{t("flowDiff.whole")}</h3>
          <Fields fields={diff.fields ?? []} names={names} />
        </section>
      )}
      {(diff.steps ?? []).map((step) => {
        const kind = kindOfChange(step);
        return (
          <section
            key={step.stepId}
            className={classes.step}
            aria-label={step.displayName || step.stepId}
            data-testid={`diff-${step.stepId}`}
          >
            <h3>
              <bdi>{step.displayName || step.stepId}</bdi>
              <Change change={step.change} />
              {kind && <Tag>{t(`stepKind.${kind}`)}</Tag>}
            </h3>
            <Fields fields={step.fields ?? []} names={names} />
          </section>
        );
      })}
      {(diff.tests ?? []).length > 0 && (
        <section className={classes.step} aria-label={t("flowTests.title")}>
          <h3>{t("flowTests.title")}</h3>
          <ul className={classes.tests}>
            {(diff.tests ?? []).map((test) => (
              <li key={test.displayName}>
                <bdi>{test.displayName}</bdi> <Change change={test.change} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function Change({ change }: { change: string | undefined }) {
  const t = useText();
  const known = CHANGES[change ?? ""];
  return known ? <Tag tone={known.tone}>{t(known.text)}</Tag> : null;
}

function Fields(props: { fields: readonly FieldChange[]; names: ReadonlyMap<string, string> }) {
  const t = useText();
  const shown = (field: string, value: string) => {
    if (leadsToStep(field)) return props.names.get(value) ?? value;
    const kind = field === "kind" ? kindOfKey(value) : undefined;
    return kind ? t(`stepKind.${kind}`) : value;
  };
  return (
    <dl className={classes.fields}>
      {props.fields.map(({ field = "", before = "", after = "" }) => (
        <div key={field} className={classes.field}>
          <dt>
            {partsOf(field).map(({ label, text }, place) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a path's parts have no other identity
              <span key={place}>
                {place > 0 && " · "}
                <bdi>{label ? t(label) : text}</bdi>
              </span>
            ))}
          </dt>
          {before && (
            <dd>
              <del>
                <VisuallyHidden>{t("flowDiff.before")}: </VisuallyHidden>
                <bdi>{shown(field, before)}</bdi>
              </del>
            </dd>
          )}
          {after && (
            <dd>
              <ins>
                <VisuallyHidden>{t("flowDiff.after")}: </VisuallyHidden>
                <bdi>{shown(field, after)}</bdi>
              </ins>
            </dd>
          )}
        </div>
      ))}
    </dl>
  );
}
