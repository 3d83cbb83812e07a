import { Button, Group, Modal, Stack } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { asProblem, type Problem } from "../api/problem.ts";
import { useText } from "../i18n/index.ts";
import { Form } from "./Form.tsx";
import { ProblemNote } from "./ProblemNote.tsx";
import classes from "./ui.module.css";

interface Props {
  title: string;
  onClose: () => void;
  /** Saves; a thrown problem is shown above the buttons and the dialog stays open, as it does when this gives false. */
  onSave: () => Promise<unknown>;
  /** A problem as it is said above the buttons, where its field says it too. */
  noted?: (problem: Problem) => Problem;
  children: ReactNode | ((problem: Problem | undefined) => ReactNode);
  saveLabel?: string;
  /** Red for what takes something away. */
  saveColor?: string;
  /** While what would be saved can't be. */
  saveDisabled?: boolean;
  size?: string;
  testId?: string;
}

/** A dialog with a form: Enter saves, Escape leaves, a failure stays where it happened. */
export function FormModal({
  title,
  onClose,
  onSave,
  noted,
  children,
  saveLabel,
  saveColor,
  saveDisabled,
  size,
  testId = "form",
}: Props) {
  const t = useText();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      if ((await onSave()) !== false) onClose();
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      size={size ?? "md"}
      classNames={{ content: classes.formDialog }}
      closeButtonProps={{ "aria-label": t("common.close") }}
      data-testid={testId}
    >
      <Form onSubmit={() => void save()}>
        <Stack>
          {typeof children === "function" ? children(problem) : children}
          <ProblemNote problem={problem && noted ? noted(problem) : problem} />
          <Group justify="flex-end" className={classes.formButtons}>
            <Button variant="default" onClick={onClose}>
              {t("common.cancel")}
            </Button>
            <Button
              type="submit"
              color={saveColor}
              disabled={saveDisabled}
              loading={busy}
              data-testid={`${testId}-save`}
            >
              {saveLabel ?? t("common.save")}
            </Button>
          </Group>
        </Stack>
      </Form>
    </Modal>
  );
}
