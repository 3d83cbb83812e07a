import { Checkbox, NumberInput, Select } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { Activity, AdherenceRules, NotReadyReason } from "../../../api/types.ts";
import { useReasons } from "../../../desktop/useReasons.ts";
import { textOr, useText } from "../../../i18n/index.ts";
import { FormModal } from "../../../ui/FormModal.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import classes from "./intraday.module.css";
import { useAdherenceRules } from "./useAdherence.ts";

const CHOICES = ["WORK", "BREAK", "AWAY"] as const;

/** What adherence is measured by: the tolerance, and what each reason to be away is. */
export function RulesForm({ onClose }: { onClose: () => void }) {
  const rules = useAdherenceRules();
  const reasons = useReasons();
  const problem = rules.error ?? reasons.error;
  if (problem) return <ProblemNote problem={problem} />;
  if (!rules.data || !reasons.data) return <Loading />;
  return <Fields rules={rules.data} reasons={reasons.data} onClose={onClose} />;
}

function Fields({
  rules,
  reasons,
  onClose,
}: {
  rules: AdherenceRules;
  reasons: readonly NotReadyReason[];
  onClose: () => void;
}) {
  const t = useText();
  const queries = useQueryClient();
  const [tolerance, setTolerance] = useState<number | string>(rules.toleranceSeconds ?? 0);
  const [signedIn, setSignedIn] = useState(rules.breaksSignedIn ?? false);
  const [said, setSaid] = useState<Record<string, string>>(() =>
    Object.fromEntries(
      (rules.reasons ?? []).map((each) => [
        each.notReadyReasonId || each.displayName,
        (each.activity ?? "").replace("ACTIVITY_", ""),
      ]),
    ),
  );
  const known = reasons.filter((each) => !each.archived);
  const save = async () => {
    const kept = (rules.reasons ?? []).filter(
      (each) => !known.some((reason) => reason.notReadyReasonId === each.notReadyReasonId),
    );
    const chosen = known
      .filter((each) => said[each.notReadyReasonId ?? ""])
      .map((each) => ({
        notReadyReasonId: each.notReadyReasonId ?? "",
        displayName: each.displayName ?? "",
        activity: `ACTIVITY_${said[each.notReadyReasonId ?? ""]}` as Activity,
      }));
    const adherenceRules = {
      toleranceSeconds: Number(tolerance),
      breaksSignedIn: signedIn,
      reasons: [...kept, ...chosen],
      version: rules.version,
    };
    await ask(api.PATCH("/v1/wfm/adherenceRules", { body: { adherenceRules } }));
    await queries.invalidateQueries({ queryKey: ["adherence"] });
  };
  return (
    <FormModal title={t("adherence.rules")} onClose={onClose} onSave={save} testId="adherence-rule">
      <NumberInput
        label={t("adherence.tolerance")}
        description={t("adherence.toleranceHint")}
        min={0}
        max={3600}
        value={tolerance}
        onChange={setTolerance}
        data-testid="adherence-tolerance"
      />
      <Checkbox
        label={t("adherence.breaksSignedIn")}
        checked={signedIn}
        onChange={(event) => setSignedIn(event.currentTarget.checked)}
      />
      <p className={classes.lead}>{t("adherence.reasonsLead")}</p>
      <div className={classes.pair}>
        {known.map((each) => (
          <Select
            key={each.notReadyReasonId}
            label={textOr("reason", each.displayName ?? "")}
            placeholder={t("adherence.asUsual")}
            clearable
            data={CHOICES.map((choice) => ({ value: choice, label: t(`activity.${choice}`) }))}
            value={said[each.notReadyReasonId ?? ""] ?? null}
            onChange={(next) =>
              setSaid((before) => ({ ...before, [each.notReadyReasonId ?? ""]: next ?? "" }))
            }
            data-testid={`reason-is-${each.displayName}`}
          />
        ))}
      </div>
    </FormModal>
  );
}
