import { Button, Group, NumberInput, Select, Stack } from "@mantine/core";
import { useState } from "react";
import { useAgents } from "../../../api/staff.ts";
import type { Contact } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { Note } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { SkillLevels } from "../../admin/Skills.tsx";
import classes from "../watch.module.css";
import { type Changeable, changeable, changeContact, differing, type Field, Overtaken } from "./change.ts";

interface Props {
  /** As it stands now; what is edited began from how it stood then. */
  contact: Contact;
  onChanged: () => void;
}

type Outcome = "why.changed" | "why.undone" | "why.conflict";

/** Priority, skills and preferred agent of a contact that waits, with a way back. */
export function ChangeForm({ contact, onChanged }: Props) {
  const t = useText();
  const agents = useAgents().data ?? [];
  const [edit, setEdit] = useState<{ seen: Contact; values: Changeable }>();
  const [before, setBefore] = useState<{ values: Changeable; fields: readonly Field[]; made: Contact }>();
  const [outcome, setOutcome] = useState<Outcome>();
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const values = changeable(edit?.values ?? contact);
  const change = (part: Changeable) => {
    setOutcome(undefined);
    setEdit((known) => ({ seen: known?.seen ?? contact, values: { ...values, ...part } }));
  };
  const send = async (seen: Contact, wanted: Changeable, fields: readonly Field[], back: boolean) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const made = await changeContact(seen, wanted, fields);
      setBefore(back ? undefined : { values: changeable(seen), fields, made });
      setOutcome(back ? "why.undone" : "why.changed");
      setEdit(undefined);
    } catch (error) {
      if (error instanceof Overtaken) {
        setOutcome("why.conflict");
        setBefore(undefined);
        setEdit(undefined);
      } else setProblem(error);
    } finally {
      setBusy(false);
      onChanged();
    }
  };
  const fields = edit ? differing(edit.seen, edit.values) : [];
  return (
    <section aria-label={t("why.change")} data-testid="why-change">
      <h3 className={classes.part}>{t("why.change")}</h3>
      <Stack gap="sm">
        <div className={classes.changes}>
          <NumberInput
            label={t("why.priorityField")}
            min={0}
            max={9}
            clampBehavior="strict"
            allowDecimal={false}
            value={values.priority}
            onChange={(value) => change({ priority: Number(value) })}
            data-testid="why-priority"
          />
          <Select
            label={t("why.preferred")}
            searchable
            data={[
              { value: "", label: t("why.nobody") },
              ...agents.map((each) => ({ value: each.agentId ?? "", label: each.displayName ?? "" })),
            ]}
            value={values.preferredAgentId}
            onChange={(preferredAgentId) => change({ preferredAgentId: preferredAgentId ?? "" })}
            data-testid="why-preferred"
          />
        </div>
        <SkillLevels
          label={t("why.skills")}
          levels={values.requiredSkills}
          onChange={(requiredSkills) => change({ requiredSkills })}
        />
        <ProblemNote problem={problem} />
        {outcome && (
          <Note tone={outcome === "why.conflict" ? "warn" : "good"} testId="why-outcome" live>
            {t(outcome)}{" "}
            {before && outcome === "why.changed" && (
              <Button
                size="compact-sm"
                variant="default"
                loading={busy}
                onClick={() => void send(before.made, before.values, before.fields, true)}
                data-testid="why-undo"
              >
                {t("why.undo")}
              </Button>
            )}
          </Note>
        )}
        <Group justify="flex-end">
          <Button
            disabled={fields.length === 0}
            loading={busy}
            onClick={() => edit && void send(edit.seen, edit.values, fields, false)}
            data-testid="why-apply"
          >
            {t("why.apply")}
          </Button>
        </Group>
      </Stack>
    </section>
  );
}
