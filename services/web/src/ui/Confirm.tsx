import { Button, Group, Modal, Text } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useText } from "../i18n/index.ts";
import { ProblemNote } from "./ProblemNote.tsx";

interface Props {
  opened: boolean;
  title: string;
  body: string;
  confirm: string;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
  /** What else speaks for or against it, below the question. */
  children?: ReactNode;
}

/** Asks before something that can't be taken back. */
export function Confirm({ opened, title, body, confirm, onConfirm, onClose, children }: Props) {
  const t = useText();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const run = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={title}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Text mb="md">{body}</Text>
      {children}
      <ProblemNote problem={problem} />
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={onClose}>
          {t("common.cancel")}
        </Button>
        <Button color="red" loading={busy} onClick={() => void run()} data-testid="confirm">
          {confirm}
        </Button>
      </Group>
    </Modal>
  );
}
